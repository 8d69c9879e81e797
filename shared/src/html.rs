//! Text in HTML.

/// Text as HTML takes it, also in an attribute between quotes of either kind.
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, c| {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
        html
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_neither_markup_nor_the_end_of_an_attribute() {
        assert_eq!(escape("<a b='c' d=\"e\">&lt; 語"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;lt; 語");
    }
}
