//! The expected values are those of Python.

use crate::python::testing::{check_all, refuse_all};

#[test]
fn iterators_give_their_items() {
    const SETUP: &str = "{% set it = modules.itertools %}";
    check_all(
        SETUP,
        &[
            ("it.product([1, 2], 'ab') | list", "[(1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')]"),
            ("it.product([0, 1], repeat=2) | list", "[(0, 0), (0, 1), (1, 0), (1, 1)]"),
            ("it.product() | list", "[()]"),
            ("it.product([], [1]) | list", "[]"),
            ("it.chain([1], (2, 3)) | list", "[1, 2, 3]"),
            ("it.chain.from_iterable([[1], [2, 3]]) | list", "[1, 2, 3]"),
            (
                "it.zip_longest([1, 2, 3], 'a', fillvalue='-') | list",
                "[(1, 'a'), (2, '-'), (3, '-')]",
            ),
            ("it.zip_longest([1], []) | list", "[(1, None)]"),
            ("it.accumulate([1, 2, 3]) | list", "[1, 3, 6]"),
            ("it.islice([1, 2, 3, 4], 2) | list", "[1, 2]"),
            ("it.islice([1, 2, 3, 4], 1, 3) | list", "[2, 3]"),
            ("it.islice([1, 2, 3, 4], 0, none, 2) | list", "[1, 3]"),
            ("it.compress('abcd', [1, 0, 1, 0]) | list", "['a', 'c']"),
            ("it.combinations([1, 2, 3], 2) | list", "[(1, 2), (1, 3), (2, 3)]"),
            ("it.combinations('ab', 3) | list", "[]"),
            (
                "it.permutations([1, 2, 3], 2) | list",
                "[(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)]",
            ),
            ("it.permutations([1, 2]) | list", "[(1, 2), (2, 1)]"),
            (
                "it.combinations_with_replacement('ab', 2) | list",
                "[('a', 'a'), ('a', 'b'), ('b', 'b')]",
            ),
            ("it.repeat('a', 3) | list", "['a', 'a', 'a']"),
            ("it.pairwise([1, 2, 3]) | list", "[(1, 2), (2, 3)]"),
        ],
    );
    refuse_all(SETUP, &["it.combinations([1, 2])", "it.product(5)", "it.chain(5) | list"]);
}
