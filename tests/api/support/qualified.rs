//! Who may run an account: somebody who has read what is in force and is trained.

use chrono::NaiveDate;
use diesel::prelude::*;
use weald::db::schema::{acknowledgements, policy_versions, training_completions};
use weald::db::types::{AcknowledgementId, PersonId, PolicyId, PolicyVersionId, TrainingCompletionId};
use weald::policy::training::Activity;
use weald::resources::acknowledgements::rows::{self as acknowledged, AcknowledgementRow};
use weald::resources::courses;
use weald::resources::training_completions::rows::{self as completed, TrainingCompletionRow};

use super::School;
use super::caller::Caller;

impl School {
    /// Has people acknowledge what is in force and complete what is required, unless they have.
    pub async fn qualify(&self, people: &[&Caller<'_>]) {
        self.acknowledge(people).await;
        self.train(people, "2026-01-02").await;
    }

    /// Has people acknowledge what is in force.
    pub async fn acknowledge(&self, people: &[&Caller<'_>]) {
        let (school, now, people) = (self.id, self.now(), ids(people));
        self.write(move |tx| {
            let published = policy_versions::table
                .filter(policy_versions::school_id.eq(school))
                .filter(policy_versions::state.eq(weald::resources::policy_versions::PolicyVersionState::Published))
                .select((policy_versions::policy_id, policy_versions::id, policy_versions::number, policy_versions::content_hash));
            for (policy_id, policy_version_id, number, content_hash) in published.load::<(PolicyId, PolicyVersionId, i32, String)>(tx)? {
                for &person_id in &people {
                    let given = acknowledgements::table
                        .filter(acknowledgements::person_id.eq(person_id))
                        .filter(acknowledgements::policy_version_id.eq(policy_version_id));
                    if diesel::select(diesel::dsl::exists(given)).get_result(tx)? {
                        continue;
                    }
                    let row = AcknowledgementRow {
                        school_id: school,
                        id: AcknowledgementId::new(),
                        person_id,
                        policy_id,
                        policy_version_id,
                        number,
                        content_hash: content_hash.clone(),
                        typed_name: "As typed".into(),
                        acknowledged_at: now,
                    };
                    acknowledged::insert(tx, &row)?;
                }
            }
            Ok(())
        })
        .await;
    }

    /// Has people complete, on a day, what is required of account managers, unless they did on that day.
    pub async fn train(&self, people: &[&Caller<'_>], day: &str) {
        let (school, now, people) = (self.id, self.now(), ids(people));
        let completed_on: NaiveDate = day.parse().unwrap();
        self.write(move |tx| {
            for course_id in courses::rows::required_for(tx, school, Activity::AccountManager)? {
                for &person_id in &people {
                    let done = training_completions::table
                        .filter(training_completions::person_id.eq(person_id))
                        .filter(training_completions::course_id.eq(course_id))
                        .filter(training_completions::completed_on.eq(completed_on));
                    if diesel::select(diesel::dsl::exists(done)).get_result(tx)? {
                        continue;
                    }
                    let row = TrainingCompletionRow {
                        school_id: school,
                        id: TrainingCompletionId::new(),
                        person_id,
                        course_id,
                        session_id: None,
                        completed_on,
                        expires_on: weald::policy::training::expires_on(completed_on, 12),
                        evidence: "A list.".into(),
                        recorded_by: None,
                        revoked_at: None,
                        revoked_by: None,
                        revoked_reason: None,
                        version: 1,
                        created_at: now,
                        updated_at: now,
                    };
                    completed::insert(tx, &row)?;
                }
            }
            Ok(())
        })
        .await;
    }
}

fn ids(people: &[&Caller<'_>]) -> Vec<PersonId> {
    people.iter().map(|person| person.id()).collect()
}
