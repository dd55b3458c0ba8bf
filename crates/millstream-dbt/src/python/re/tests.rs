//! The expected values are those of Python.

use crate::python::testing::{check_all, refuse_all};

#[test]
fn matches_are_replaced() {
    const SETUP: &str = "{% set re = modules.re %}";
    check_all(
        SETUP,
        &[
            ("re.sub('[^a-z]+', '_', 'Hello World 42')", "_ello_orld_"),
            ("re.sub('(a)(b)?', '[\\\\1|\\\\2]', 'ab a')", "[a|b] [a|]"),
            ("re.sub('(?P<x>\\\\d+)', '<\\\\g<x>>', 'a12b3')", "a<12>b<3>"),
            ("re.sub('\\\\s+', ' ', 'a  b\\n c')", "a b c"),
            ("re.sub('a', 'b', 'aaa', 2)", "bba"),
            ("re.sub('a', 'b', 'aaa', count=1)", "baa"),
            ("re.sub('A', 'b', 'aAa', flags=re.I)", "bbb"),
            ("re.sub('x*', '-', 'abxd')", "-a-b--d-"),
            ("re.subn('a', 'b', 'aab')", "('bbb', 2)"),
            ("re.sub('a', '\\\\n', 'cab')", "c\nb"),
            ("re.sub('.', '', 'äé') | length", "0"),
            ("re.sub('(?<=a)b', 'X', 'ab cb')", "aX cb"),
            ("re.sub('a(?!b)', 'X', 'ab ac')", "ab Xc"),
            ("re.sub('(.)\\\\1', '<\\\\1>', 'aabbc')", "<a><b>c"),
            ("re.sub('[\\\\[\\\\]]', '', '[a]')", "a"),
            ("re.sub('[[]', '', '[a]')", "a]"),
            ("re.sub('[]a]', '', ']ab')", "b"),
            ("re.sub('[a&&b]', '', 'a&b')", ""),
            ("re.sub('\\\\W+', '', 'a-b c!')", "abc"),
        ],
    );
    refuse_all(SETUP, &["re.sub('a', '\\\\q', 'a')", "re.sub('(a)', '\\\\2', 'a')"]);
}

#[test]
fn matches_have_groups() {
    const SETUP: &str = "{% set re = modules.re %}";
    check_all(
        SETUP,
        &[
            ("re.match('a', 'ba')", "None"),
            ("re.match('a', 'ab').group()", "a"),
            ("re.match('(a)(b)?', 'ac').groups()", "('a', None)"),
            ("re.match('(a)(b)?', 'ac').groups('-')", "('a', '-')"),
            ("re.search('b', 'abb').start()", "1"),
            (
                "re.search('(?P<y>\\\\d{4})-(?P<m>\\\\d\\\\d)', 'on 2024-05').groupdict()",
                "{'y': '2024', 'm': '05'}",
            ),
            ("re.search('(\\\\d+)-(\\\\d+)', '10-20').group(1, 2)", "('10', '20')"),
            ("re.search('(\\\\d+)-(\\\\d+)', '10-20')[2]", "20"),
            ("re.search('é', 'aébé').span()", "(1, 2)"),
            ("re.search('z', 'abc') is none", "True"),
            ("re.fullmatch('a+', 'aaa') is not none", "True"),
            ("re.fullmatch('a+', 'aab') is none", "True"),
            ("re.match('a$', 'a\\n') is not none", "True"),
            ("re.search('^b', 'a\\nb', re.M) is not none", "True"),
            ("re.search('a$', 'a\\nb', re.MULTILINE) is not none", "True"),
            ("re.match('a.b', 'a\\nb', re.S) is not none", "True"),
            ("re.match('a\\\\Z', 'a\\n') is none", "True"),
            ("re.search('b', 'abc')", "<re.Match object; span=(1, 2), match='b'>"),
            ("re.search('(a)|(b)', 'b').lastindex", "2"),
            ("re.match('(?i)ABC', 'abc').group(0)", "abc"),
            ("'yes' if re.search('b', 'abc') else 'no'", "yes"),
            ("re.match('\\\\<a\\\\>', '<a>') is not none", "True"),
            ("re.match('(?x) a  b # c', 'ab') is not none", "True"),
            ("re.search('(?P<a>x)(?P=a)', 'xx').group('a')", "x"),
        ],
    );
    refuse_all(
        SETUP,
        &[
            "re.match('a', 'a').group(1)",
            "re.match('(', 'a')",
            "re.match('a', 5)",
            "re.match('a', none)",
        ],
    );
}

#[test]
fn texts_are_taken_apart() {
    const SETUP: &str = "{% set re = modules.re %}";
    check_all(
        SETUP,
        &[
            ("re.findall('\\\\d+', 'a1b22')", "['1', '22']"),
            ("re.findall('(a)(b)?', 'ab a')", "[('a', 'b'), ('a', '')]"),
            ("re.findall('(a)', 'aa')", "['a', 'a']"),
            ("re.findall('x', 'abc')", "[]"),
            ("re.split(',\\\\s*', 'a, b,c')", "['a', 'b', 'c']"),
            ("re.split('(,)', 'a,b')", "['a', ',', 'b']"),
            ("re.split(',', 'a,b,c', 1)", "['a', 'b,c']"),
            ("re.split('x*', 'axbc')", "['', 'a', '', 'b', 'c', '']"),
            ("re.compile('a+').findall('aab a')", "['aa', 'a']"),
            ("re.compile('A', re.IGNORECASE).sub('x', 'aA')", "xx"),
            ("re.compile('(a)b').pattern", "(a)b"),
            ("re.compile('(a)b').groups", "1"),
            ("re.compile('a').match('ba')", "None"),
            ("re.escape('a.b*c d_e-f/g')", "a\\.b\\*c\\ d_e\\-f/g"),
            ("(re.finditer('\\\\d', 'a1b2') | list | length)", "2"),
            ("re.sub(re.compile('a'), 'b', 'a')", "b"),
            ("re.compile('a')", "re.compile('a')"),
            ("re.findall('', 'ab')", "['', '', '']"),
            ("re.findall('[a-z]+', 'Ab cD', re.I)", "['Ab', 'cD']"),
        ],
    );
}

#[test]
fn macros_make_replacements() {
    const SETUP: &str =
        "{% set re = modules.re %}{% macro up(m) %}{{ m.group().upper() }}{% endmacro %}";
    check_all(SETUP, &[("re.sub('[ab]', up, 'abc')", "ABc")]);
}
