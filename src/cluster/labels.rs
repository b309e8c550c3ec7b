//! Labels and the selectors that match them, with the semantics of `metav1.LabelSelector` and of
//! node selector terms (reference: scheduler.md 3.3).

use super::names::{Name, Names};

/// A set of labels, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Name, Name)]>);

impl Labels {
    /// Labels from pairs; of equal keys the last wins.
    pub fn new(mut pairs: Vec<(Name, Name)>) -> Self {
        pairs.reverse();
        pairs.sort_by_key(|(key, _)| *key);
        pairs.dedup_by_key(|(key, _)| *key);
        Labels(pairs.into())
    }

    /// The value of `key`.
    pub fn get(&self, key: Name) -> Option<Name> {
        self.0.binary_search_by_key(&key, |(k, _)| *k).ok().map(|index| self.0[index].1)
    }

    /// The same labels and one more; an equal key is replaced.
    pub fn with(&self, key: Name, value: Name) -> Self {
        let mut pairs = self.0.to_vec();
        pairs.push((key, value));
        Labels::new(pairs)
    }

    /// The same labels without `key`.
    pub fn without(&self, key: Name) -> Self {
        Labels(self.0.iter().copied().filter(|(k, _)| *k != key).collect())
    }

    /// The pairs, by key id.
    pub fn iter(&self) -> impl Iterator<Item = (Name, Name)> + '_ {
        self.0.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of `wanted`'s pairs is here (the rule of `nodeSelector` and `matchLabels`).
    pub fn contains_all(&self, wanted: &Labels) -> bool {
        wanted.iter().all(|(key, value)| self.get(key) == Some(value))
    }
}

/// How a requirement compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Present and one of the values.
    In,
    /// Absent, or none of the values.
    NotIn,
    /// Present.
    Exists,
    /// Absent.
    DoesNotExist,
    /// Present and, as an integer, greater than the only value.
    Gt,
    /// Present and, as an integer, less than the only value.
    Lt,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: Name,
    /// The comparison.
    pub operator: Operator,
    /// What to compare with.
    pub values: Vec<Name>,
}

impl Requirement {
    /// Whether a label with this value (or without, for `None`) satisfies the requirement.
    pub fn holds(&self, value: Option<Name>, names: &Names) -> bool {
        match (self.operator, value) {
            (Operator::In, Some(value)) => self.values.contains(&value),
            (Operator::NotIn, Some(value)) => !self.values.contains(&value),
            (Operator::Exists, value) => value.is_some(),
            (Operator::DoesNotExist, value) => value.is_none(),
            (Operator::NotIn, None) => true,
            (Operator::Gt, Some(value)) => self.integers(value, names).is_some_and(|(label, bound)| label > bound),
            (Operator::Lt, Some(value)) => self.integers(value, names).is_some_and(|(label, bound)| label < bound),
            (Operator::In | Operator::Gt | Operator::Lt, None) => false,
        }
    }

    fn integers(&self, value: Name, names: &Names) -> Option<(i64, i64)> {
        let [bound] = self.values[..] else { return None };
        Some((names.text(value).parse().ok()?, names.text(bound).parse().ok()?))
    }
}

/// A label selector; all requirements must hold. Without requirements it matches everything; a
/// selector that matches nothing is `None` where an `Option<Selector>` stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The conditions, ANDed; `matchLabels` are `In` with one value.
    pub requirements: Vec<Requirement>,
}

impl Selector {
    /// The selector for `matchLabels`.
    pub fn from_labels(labels: &Labels) -> Self {
        let requirements = labels
            .iter()
            .map(|(key, value)| Requirement { key, operator: Operator::In, values: vec![value] })
            .collect();
        Selector { requirements }
    }

    /// Whether `labels` satisfy every requirement.
    pub fn matches(&self, labels: &Labels, names: &Names) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(labels.get(requirement.key), names))
    }

    /// Whether it has no requirements and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

/// One term of a node selector: expressions on labels and on the node's name, ANDed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSelectorTerm {
    /// `matchExpressions`.
    pub expressions: Vec<Requirement>,
    /// `matchFields`: Kubernetes knows only `metadata.name` with `In` and `NotIn` of one value.
    pub fields: Vec<Requirement>,
}

impl NodeSelectorTerm {
    /// Whether a node matches; an empty term matches none.
    pub fn matches(&self, labels: &Labels, node: Name, names: &Names) -> bool {
        !(self.expressions.is_empty() && self.fields.is_empty())
            && self.expressions.iter().all(|requirement| requirement.holds(labels.get(requirement.key), names))
            && self.fields.iter().all(|requirement| requirement.holds(Some(node), names))
    }
}

/// A node selector: terms, ORed; without terms it matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSelector {
    /// The alternatives.
    pub terms: Vec<NodeSelectorTerm>,
}

impl NodeSelector {
    /// Whether some term matches the node.
    pub fn matches(&self, labels: &Labels, node: Name, names: &Names) -> bool {
        self.terms.iter().any(|term| term.matches(labels, node, names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: Operator, values: &[&str], value: Option<&str>) -> bool {
        let mut names = Names::default();
        let key = names.intern("key");
        let values = values.iter().map(|text| names.intern(text)).collect();
        let value = value.map(|text| names.intern(text));
        Requirement { key, operator, values }.holds(value, &names)
    }

    #[test]
    fn operators_follow_the_reference() {
        assert!(holds(Operator::In, &["a", "b"], Some("b")));
        assert!(!holds(Operator::In, &["a"], None));
        assert!(holds(Operator::NotIn, &["a"], None), "NotIn also matches without the label");
        assert!(!holds(Operator::NotIn, &["a"], Some("a")));
        assert!(holds(Operator::Exists, &[], Some("")));
        assert!(holds(Operator::DoesNotExist, &[], None));
        assert!(holds(Operator::Gt, &["9"], Some("10")), "compared as integers, not as text");
        assert!(!holds(Operator::Lt, &["9"], Some("ten")), "no integer: no match");
    }

    #[test]
    fn empty_selector_matches_all_and_empty_term_nothing() {
        let names = Names::default();
        assert!(Selector::default().matches(&Labels::default(), &names));
        assert!(!NodeSelectorTerm::default().matches(&Labels::default(), Name(0), &names));
    }
}
