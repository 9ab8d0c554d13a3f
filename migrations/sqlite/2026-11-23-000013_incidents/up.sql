CREATE UNIQUE INDEX events_by_id ON events (school_id, id);
ALTER TABLE schools ADD COLUMN escalation_contact_id BLOB;

CREATE TABLE incidents (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    category TEXT,
    description TEXT NOT NULL,
    evidence TEXT,
    occurred_at BIGINT,
    discovered_at BIGINT NOT NULL,
    reported_at BIGINT NOT NULL,
    late_report BOOLEAN NOT NULL,
    reporter_id BLOB,
    self_reported BOOLEAN NOT NULL,
    receipt_hash TEXT NOT NULL,
    about_head BOOLEAN NOT NULL,
    child_involved BOOLEAN NOT NULL,
    lead_role TEXT NOT NULL,
    safeguarding_role TEXT,
    escalation BOOLEAN NOT NULL,
    data_concerned BOOLEAN NOT NULL,
    proposed_legality TEXT,
    proposed_by BLOB,
    proposed_reason TEXT,
    safeguarding_decision TEXT,
    safeguarding_reason TEXT,
    safeguarding_decided_by BLOB,
    safeguarding_decided_at BIGINT,
    action_taken TEXT,
    outcome TEXT,
    outcome_notice TEXT,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, reporter_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, proposed_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, safeguarding_decided_by) REFERENCES people (school_id, id)
);
CREATE INDEX incidents_by_reporter ON incidents (school_id, reporter_id, id);
CREATE INDEX incidents_by_lead ON incidents (school_id, lead_role, id);
CREATE UNIQUE INDEX incidents_by_receipt ON incidents (school_id, receipt_hash);

CREATE TABLE incident_assessments (
    school_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    category TEXT NOT NULL,
    severity TEXT NOT NULL,
    harm_threshold TEXT NOT NULL,
    scope TEXT NOT NULL,
    legality TEXT NOT NULL,
    safeguarding BOOLEAN NOT NULL,
    reasons TEXT NOT NULL,
    assessed_by BLOB NOT NULL,
    assessed_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, incident_id, number),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, assessed_by) REFERENCES people (school_id, id)
);

CREATE TABLE incident_subjects (
    school_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    part TEXT NOT NULL,
    person_id BLOB,
    description TEXT,
    status_at_time TEXT NOT NULL,
    parties TEXT NOT NULL,
    PRIMARY KEY (school_id, incident_id, number),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX incident_subjects_by_person ON incident_subjects (school_id, person_id, incident_id);

CREATE TABLE incident_hidden_from (
    school_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    PRIMARY KEY (school_id, person_id, incident_id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX incident_hidden_from_by_incident ON incident_hidden_from (school_id, incident_id);

CREATE TABLE incident_recusals (
    school_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    lead_role TEXT NOT NULL,
    reason TEXT NOT NULL,
    recused_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, incident_id, person_id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);

CREATE TABLE incident_links (
    school_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    account_id BLOB,
    comment_id BLOB,
    monitoring_check_id BLOB,
    -- Without a reference: what is found out of scope is purged, and who purges it learns nothing of the incident.
    mention_id BLOB,
    PRIMARY KEY (school_id, incident_id, number),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, monitoring_check_id) REFERENCES monitoring_checks (school_id, id)
);
CREATE INDEX incident_links_by_account ON incident_links (school_id, account_id, incident_id);

CREATE TABLE incident_people (
    school_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    involved_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, incident_id, person_id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX incident_people_by_person ON incident_people (school_id, person_id, incident_id);

CREATE TABLE incident_notes (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    audience TEXT NOT NULL,
    author_id BLOB,
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, author_id) REFERENCES people (school_id, id)
);
CREATE INDEX incident_notes_by_incident ON incident_notes (school_id, incident_id, id);

CREATE TABLE incident_referrals (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    agency TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT,
    reference TEXT,
    made_at BIGINT,
    made_by BLOB,
    acknowledged_at BIGINT,
    outcome TEXT,
    outcome_at BIGINT,
    overdue_recorded_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, made_by) REFERENCES people (school_id, id)
);
CREATE INDEX incident_referrals_by_incident ON incident_referrals (school_id, incident_id, id);
CREATE INDEX incident_referrals_due ON incident_referrals (school_id, state, due_at);

CREATE TABLE incident_disciplinary_actions (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    recorded_by BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id)
);
CREATE INDEX incident_disciplinary_by_incident ON incident_disciplinary_actions (school_id, incident_id, id);

CREATE TABLE incident_disclosures (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    requested_by BLOB NOT NULL,
    motivation TEXT NOT NULL,
    state TEXT NOT NULL,
    decided_by BLOB,
    decision_reason TEXT,
    decided_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, requested_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id)
);
CREATE INDEX incident_disclosures_by_incident ON incident_disclosures (school_id, incident_id, id);
