//! A browser as the protocol knows it: by digests of what its cookies hold, never by the secrets themselves.

use crate::digest;

/// The most values of one cookie that are looked at.
const MOST: usize = 4;
/// The length of our cookies' values: base64url of 32 bytes.
const LENGTH: usize = 43;

/// The most characters of what it carries of an interaction.
pub(crate) const BEGUN_LENGTH: usize = 3_500;

/// What a request's cookies say of its browser.
#[derive(Clone, Default)]
pub struct Browser {
    sessions: Vec<String>,
    marks: Vec<String>,
    device: String,
    begun: Vec<String>,
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Browser({} sessions, {} marks)", self.sessions.len(), self.marks.len())
    }
}

impl Browser {
    /// A browser that sent these values of `xy_idp` and `xy_idp_b`, and this `User-Agent`.
    pub fn new<'a>(
        sessions: impl Iterator<Item = &'a str>,
        marks: impl Iterator<Item = &'a str>,
        user_agent: &str,
    ) -> Self {
        let take = |kind: &'static str, values: &mut dyn Iterator<Item = &'a str>| -> Vec<String> {
            values.filter(|v| v.len() == LENGTH).take(MOST).map(|v| digest::of(kind, v)).collect()
        };
        Self {
            sessions: take("session", &mut { sessions }),
            marks: take("browser", &mut { marks }),
            device: device(user_agent),
            begun: Vec::new(),
        }
    }

    /// With what it carries of interactions that it has begun.
    #[must_use]
    pub(crate) fn carrying<'a>(mut self, begun: impl Iterator<Item = &'a str>) -> Self {
        self.begun = begun.filter(|value| value.len() <= BEGUN_LENGTH).take(MOST).map(str::to_owned).collect();
        self
    }

    /// What it carries of interactions that it has begun, sealed.
    pub(crate) fn begun(&self) -> &[String] {
        &self.begun
    }

    /// The digests of its session secrets, at most four.
    pub(crate) fn session_digests(&self) -> &[String] {
        &self.sessions
    }

    /// The digests of its marks, at most four.
    pub(crate) fn mark_digests(&self) -> &[String] {
        &self.marks
    }

    /// The browser in a few words, for the person's own list of sessions.
    pub fn device(&self) -> &str {
        &self.device
    }
}

/// Names a browser and system by their best-known marks, in this order because each pretends to be the later ones.
fn device(user_agent: &str) -> String {
    let find = |marks: &[(&str, &str)]| {
        marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| (*name).to_owned())
    };
    let browser = find(&[
        ("MicroMessenger", "WeChat"),
        ("AlipayClient", "Alipay"),
        ("Edg", "Edge"),
        ("QQBrowser", "QQ"),
        ("HuaweiBrowser", "Huawei"),
        ("Firefox", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari", "Safari"),
    ]);
    let system = find(&[
        ("HarmonyOS", "HarmonyOS"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    [browser, system].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_ours_are_passed_over() {
        let (good, other) = ("a".repeat(43), "b".repeat(43));
        let browser = Browser::new(["x", &good, "", &other].into_iter(), std::iter::empty(), "");
        assert_eq!(browser.session_digests(), [digest::of("session", &good), digest::of("session", &other)]);
        let many: Vec<String> = (0..20).map(|n| format!("{n:043}")).collect();
        assert_eq!(Browser::new(many.iter().map(String::as_str), std::iter::empty(), "").session_digests().len(), 4);
        assert_eq!(device("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"), "Chrome · Linux");
    }
}
