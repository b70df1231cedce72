//! Text that is HTML already.

use std::fmt;

/// HTML that is safe to stand in a page: made by a template, by [`escape`] or from words of our own.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Takes text that the caller knows to be well-formed HTML with everything foreign in it escaped.
    pub fn already_escaped(html: impl Into<String>) -> Self {
        Self(html.into())
    }

    /// Plain text as HTML.
    pub fn text(text: &str) -> Self {
        Self(escape(text))
    }

    /// Renders a template. Ours write to memory and do not fail; one that did would render as nothing and be logged.
    pub fn render(template: &impl askama::Template) -> Self {
        match template.render() {
            Ok(html) => Self(html),
            Err(error) => {
                tracing::error!(%error, "a template did not render");
                Self::default()
            }
        }
    }

    /// The HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Html {
    /// The length alone: pages hold names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Html({} bytes)", self.0.len())
    }
}

impl askama::filters::HtmlSafe for Html {}

/// Groups of digits or letters to be read out over a counter or a telephone: seen as groups, heard one by one.
pub fn digits(groups: &[&str]) -> Html {
    let seen: Vec<String> =
        groups.iter().map(|group| format!("<span aria-hidden=\"true\">{}</span>", escape(group))).collect();
    let one_by_one = |group: &&str| group.chars().map(String::from).collect::<Vec<_>>().join(" ");
    let heard: Vec<String> = groups.iter().map(one_by_one).collect();
    Html(format!(
        "<p class=\"digits\">{}<span class=\"hidden\">{}</span></p>",
        seen.join(" "),
        escape(&heard.join(", "))
    ))
}

/// Escapes text for HTML content and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
