//! The school's process for responding to what others say (PRO-2): a decision tree as data.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clauses::Clause;
use super::mentions::Sentiment;
use super::refusal::{Grounds, Refusal, Violation};

/// The procedure that every school begins with.
const FIRST: &str = include_str!("../../data/response-procedure.json");

/// Questions, and the branches to which their answers lead. The first question is asked first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    pub nodes: Vec<ProcedureNode>,
    pub branches: Vec<ProcedureBranch>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcedureNode {
    #[schema(max_length = 40)]
    pub id: String,
    #[schema(max_length = 300)]
    pub question: String,
    #[schema(max_items = 10)]
    pub answers: Vec<ProcedureAnswer>,
}

/// An answer to a question: it leads to another question or to a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcedureAnswer {
    #[schema(max_length = 300)]
    pub answer: String,
    /// The question that is asked next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub next: Option<String>,
    /// Where the questions end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub branch: Option<String>,
}

/// What is done in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcedureBranch {
    /// By which it is recorded.
    #[schema(max_length = 40)]
    pub code: String,
    #[schema(max_length = 200)]
    pub title: String,
    #[schema(max_length = 2000)]
    pub guidance: String,
}

/// What is wrong with a tree, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer into the tree.
    pub pointer: String,
    pub code: &'static str,
    pub detail: &'static str,
}

/// Everything that keeps a tree from being walked: each name stands once, each answer leads somewhere, and every
/// question and branch is reached. A question leads only to later ones, so that no walk is a circle.
pub fn faults(tree: &Tree) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut fault = |pointer: String, code, detail| found.push(Fault { pointer, code, detail });
    let mut places = HashMap::new();
    for (at, node) in tree.nodes.iter().enumerate() {
        if places.insert(node.id.as_str(), at).is_some() {
            fault(format!("/nodes/{at}/id"), "duplicate", "This id stands twice.");
        }
    }
    let mut codes = HashSet::new();
    for (at, branch) in tree.branches.iter().enumerate() {
        if !codes.insert(branch.code.as_str()) {
            fault(format!("/branches/{at}/code"), "duplicate", "This code stands twice.");
        }
    }
    let (mut asked, mut reached) = (HashSet::from([0]), HashSet::new());
    for (at, node) in tree.nodes.iter().enumerate() {
        for (number, answer) in node.answers.iter().enumerate() {
            let here = |member: &str| format!("/nodes/{at}/answers/{number}{member}");
            match (&answer.next, &answer.branch) {
                (Some(next), None) => match places.get(next.as_str()) {
                    None => fault(here("/next"), "unknown", "There is no such question."),
                    Some(later) if *later <= at => fault(here("/next"), "leads_back", "A question leads only to those after it."),
                    Some(later) if asked.contains(&at) => drop(asked.insert(*later)),
                    Some(_) => {}
                },
                (None, Some(branch)) if !codes.contains(branch.as_str()) => {
                    fault(here("/branch"), "unknown", "There is no such branch.");
                }
                (None, Some(branch)) if asked.contains(&at) => drop(reached.insert(branch.as_str())),
                (None, Some(_)) => {}
                _ => fault(here(""), "one_of", "An answer leads either to another question or to a branch."),
            }
        }
    }
    for at in (0..tree.nodes.len()).filter(|at| !asked.contains(at)) {
        fault(format!("/nodes/{at}"), "unreachable", "No answer leads to this question.");
    }
    for (at, _) in tree.branches.iter().enumerate().filter(|(_, branch)| !reached.contains(branch.code.as_str())) {
        fault(format!("/branches/{at}"), "unreachable", "No answer leads to this branch.");
    }
    found
}

/// The procedure that every school begins with.
///
/// # Errors
/// None: a test shows that the shipped file can be read.
pub fn first() -> serde_json::Result<Tree> {
    serde_json::from_str(FIRST)
}

fn refuse(pointer: &'static str, detail: &str, cure: &str) -> Refusal {
    Refusal::new(Grounds::NotAcceptable, Violation::new(Clause::Pro2, detail, cure).at(pointer))
}

/// What is done follows the procedure in force, by one of its branches (PRO-2).
///
/// # Errors
/// 422 for another version or a branch that it does not have.
pub fn follows(in_force: bool, tree: &Tree, branch: &str) -> Result<(), Refusal> {
    if !in_force {
        let cure = "Follow the version that is published now.";
        return Err(refuse("/procedure_version_id", "This version of the procedure is not in force.", cure));
    }
    if tree.branches.iter().any(|known| known.code == branch) {
        return Ok(());
    }
    Err(refuse("/branch", "The procedure has no such branch.", "Name a branch of the version that was followed."))
}

/// A negative comment is not closed without the procedure that was followed (PRO-2). Whoever names one names its branch
/// too.
///
/// # Errors
/// 422 where the version or the branch is missing.
pub fn closable<Id>(sentiment: Option<Sentiment>, version: Option<Id>, branch: Option<String>) -> Result<Option<(Id, String)>, Refusal> {
    match (version, branch) {
        (Some(version), Some(branch)) => Ok(Some((version, branch))),
        (None, None) if sentiment != Some(Sentiment::Negative) => Ok(None),
        (None, _) => Err(refuse(
            "/procedure_version_id",
            "The procedure that was followed is not named.",
            "Name the version of the response procedure, and its branch.",
        )),
        (Some(_), None) => Err(refuse("/branch", "The branch is missing.", "Name the branch that was followed.")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The next question, or the branch, to which an answer leads.
    type Leads = (Option<usize>, Option<usize>);

    fn tree(nodes: &[&[Leads]], branches: usize) -> Tree {
        let node = |(at, answers): (usize, &&[Leads])| ProcedureNode {
            id: format!("n{at}"),
            question: "Which?".into(),
            answers: answers
                .iter()
                .map(|(next, branch)| ProcedureAnswer {
                    answer: "This.".into(),
                    next: next.map(|at| format!("n{at}")),
                    branch: branch.map(|at| format!("b{at}")),
                })
                .collect(),
        };
        let branch = |at| ProcedureBranch { code: format!("b{at}"), title: "Do.".into(), guidance: "So.".into() };
        Tree { nodes: nodes.iter().enumerate().map(node).collect(), branches: (0..branches).map(branch).collect() }
    }

    fn codes(tree: &Tree) -> Vec<(String, &'static str)> {
        faults(tree).into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn the_shipped_procedure_can_be_walked_and_keeps_to_its_limits() {
        let first = first().unwrap();
        assert_eq!(faults(&first), []);
        for wanted in ["thank", "answer", "acknowledge_and_talk", "moderate", "media_policy", "data_protection", "safeguarding"] {
            assert!(follows(true, &first, wanted).is_ok(), "{wanted}");
        }
        let within = |text: &str, max| (1..=max).contains(&text.chars().count()) && text.trim() == text;
        for node in &first.nodes {
            assert!(within(&node.id, 40) && within(&node.question, 300) && (2..=10).contains(&node.answers.len()), "{node:?}");
            assert!(node.answers.iter().all(|answer| within(&answer.answer, 300)), "{node:?}");
        }
        for branch in &first.branches {
            assert!(within(&branch.code, 40) && within(&branch.title, 200) && within(&branch.guidance, 2000), "{branch:?}");
        }
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        let (to, end) = (|at| (Some(at), None), |at| (None, Some(at)));
        assert_eq!(codes(&tree(&[&[to(1), end(0)], &[end(0), end(1)]], 2)), []);
        let one = |pointer: &str, code| vec![(pointer.to_owned(), code)];
        assert_eq!(codes(&tree(&[&[to(0), end(0)]], 1)), one("/nodes/0/answers/0/next", "leads_back"));
        assert_eq!(codes(&tree(&[&[to(1), end(0)], &[to(0), end(0)]], 1)), one("/nodes/1/answers/0/next", "leads_back"));
        assert_eq!(codes(&tree(&[&[to(7), end(0)]], 1)), one("/nodes/0/answers/0/next", "unknown"));
        assert_eq!(codes(&tree(&[&[end(7), end(0)]], 1)), one("/nodes/0/answers/0/branch", "unknown"));
        assert_eq!(codes(&tree(&[&[(None, None), end(0)]], 1)), one("/nodes/0/answers/0", "one_of"));
        assert_eq!(codes(&tree(&[&[(Some(0), Some(0)), end(0)]], 1)), one("/nodes/0/answers/0", "one_of"));
        assert_eq!(codes(&tree(&[&[end(0), end(0)]], 2)), one("/branches/1", "unreachable"));
        let island = tree(&[&[end(0), end(0)], &[end(1), to(2)], &[end(0), end(0)]], 2);
        let unreachable = ["/nodes/1", "/nodes/2", "/branches/1"].map(|pointer| (pointer.to_owned(), "unreachable"));
        assert_eq!(codes(&island), unreachable);
        let mut twice = tree(&[&[to(1), end(0)], &[end(0), end(1)]], 2);
        (twice.nodes[1].id, twice.branches[1].code) = ("n0".into(), "b0".into());
        let twice = codes(&twice);
        assert!(
            twice.contains(&("/nodes/1/id".into(), "duplicate")) && twice.contains(&("/branches/1/code".into(), "duplicate")),
            "{twice:?}"
        );
    }

    #[test]
    fn a_negative_comment_is_closed_by_a_branch_of_the_version_in_force() {
        use Sentiment::{Mixed, Negative};
        assert_eq!(closable::<u8>(None, None, None), Ok(None));
        assert_eq!(closable::<u8>(Some(Mixed), None, None), Ok(None));
        assert_eq!(closable(Some(Negative), Some(1), Some("b0".into())), Ok(Some((1, "b0".into()))));
        let pointer = |sentiment, version: Option<u8>, branch: Option<&str>| {
            closable(sentiment, version, branch.map(str::to_owned)).unwrap_err().violations[0].pointer
        };
        assert_eq!(pointer(Some(Negative), None, None), Some("/procedure_version_id"));
        assert_eq!(pointer(None, None, Some("b0")), Some("/procedure_version_id"));
        assert_eq!(pointer(None, Some(1), None), Some("/branch"));
        let tree = tree(&[&[(None, Some(0)), (None, Some(0))]], 1);
        assert!(follows(true, &tree, "b0").is_ok() && follows(true, &tree, "b1").is_err() && follows(false, &tree, "b0").is_err());
    }

    /// Every walk from the first question, as the codes in which they end; `None` for one that does not end.
    fn walks(tree: &Tree, at: usize, steps: usize, ends: &mut Vec<Option<String>>, asked: &mut HashSet<usize>) {
        asked.insert(at);
        for answer in &tree.nodes[at].answers {
            let next = answer.next.as_ref().and_then(|next| tree.nodes.iter().position(|node| node.id == *next));
            match (next, &answer.branch) {
                (Some(next), None) if steps > 0 => walks(tree, next, steps - 1, ends, asked),
                (None, Some(branch)) => ends.push(Some(branch.clone())),
                _ => ends.push(None),
            }
        }
    }

    proptest! {
        #[test]
        fn a_tree_without_a_fault_ends_on_every_walk_and_reaches_all_that_it_has(
            answers in prop::collection::vec(prop::collection::vec((any::<bool>(), 0_usize..5), 2..4), 1..5), branches in 1_usize..4,
        ) {
            let nodes: Vec<Vec<Leads>> = answers
                .into_iter()
                .map(|node| node.into_iter().map(|(ends, to)| if ends { (None, Some(to)) } else { (Some(to), None) }).collect())
                .collect();
            let tree = tree(&nodes.iter().map(Vec::as_slice).collect::<Vec<_>>(), branches);
            let (mut ends, mut asked) = (Vec::new(), HashSet::new());
            walks(&tree, 0, tree.nodes.len(), &mut ends, &mut asked);
            let known = |end: &Option<String>| end.as_ref().is_some_and(|end| tree.branches.iter().any(|branch| branch.code == *end));
            let all = asked.len() == tree.nodes.len() && tree.branches.iter().all(|branch| ends.contains(&Some(branch.code.clone())));
            let forward = nodes.iter().enumerate().all(|(at, node)| node.iter().all(|(next, _)| next.is_none_or(|next| next > at)));
            prop_assert_eq!(faults(&tree).is_empty(), all && forward && ends.iter().all(known));
        }
    }
}
