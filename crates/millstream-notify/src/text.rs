//! Texts of others, made fit for messages: bounded, on one line, without secrets or markup.

/// What stands in the place of what is left out.
const CUT: &str = "…";
/// What stands in the place of what may be secret.
const HIDDEN: &str = "***";

/// At most so many characters.
pub(crate) fn bounded(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    kept + CUT
}

/// Without control characters and line ends; for titles and headers.
pub(crate) fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without control characters other than line ends; for bodies.
pub(crate) fn lines(text: &str) -> String {
    text.lines().map(one_line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Without the parts of addresses that may be secret: name and password, query and fragment.
pub(crate) fn scrubbed(text: &str) -> String {
    let mut scrubbed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        scrubbed.push_str(before);
        let end = after.find(is_end_of_address).unwrap_or(after.len());
        let (address, behind) = after.split_at(end);
        scrubbed.push_str(&public(address));
        rest = behind;
    }
    scrubbed.push_str(rest);
    scrubbed
}

/// What may be told of an address, without its scheme.
fn public(address: &str) -> String {
    let authority_end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, path) = address.split_at(authority_end);
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => authority.to_owned(),
    };
    match path.find(['?', '#']) {
        Some(at) => format!("{host}{}{HIDDEN}", &path[..=at]),
        None => host + path,
    }
}

fn is_end_of_address(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`<>|(){}[],;".contains(c)
}

/// Characters that turn or hide what is read.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// As text of Slack's mrkdwn: nothing of it is markup, a link or a mention.
pub(crate) fn slack(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A character without width behind them keeps them from being markup or a mention.
            '*' | '_' | '~' | '`' | '@' | '#' | '[' | ']' => {
                escaped.push(c);
                escaped.push('\u{200b}');
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// As code of Slack's mrkdwn, which is copied as it stands.
pub(crate) fn slack_code(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_are_hidden() {
        for (text, expected) in [
            ("no address", "no address"),
            ("postgres://me:pw@db/x?sslmode=1 failed", "postgres://***@db/x?*** failed"),
            ("get `https://a.example/b?key=1`, then", "get `https://a.example/b?***`, then"),
            ("(http://a@b@c.example#x) s3://bucket/p", "(http://***@c.example#***) s3://bucket/p"),
            ("://", "://"),
        ] {
            assert_eq!(scrubbed(text), expected);
        }
    }

    #[test]
    fn nothing_breaks_out_of_a_line() {
        assert_eq!(one_line("a\r\nBcc: x\u{0}\u{202e}b\u{2028}c"), "a Bcc: x b c");
        assert_eq!(lines("a\t1\r\nb\u{1b}[31m\n"), "a 1\nb [31m");
        assert_eq!(bounded("ääää", 3), "ää…");
    }

    #[test]
    fn markup_of_slack_stays_text() {
        assert_eq!(slack("<!channel> & <http://x|y>"), "&lt;!channel&gt; &amp; &lt;http://x|y&gt;");
        assert_eq!(slack("@here *x*"), "@\u{200b}here *\u{200b}x*\u{200b}");
    }
}
