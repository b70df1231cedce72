//! The known keys, each with what it is for. `[]` in a path stands for each element of a list of tables.

/// One key of the configuration.
pub(crate) struct Key {
    /// Its dotted path.
    pub path: &'static str,
    /// What stands there.
    pub kind: Kind,
    /// The value without any layer, as TOML.
    pub built_in: Option<&'static str>,
    /// Whether `config check` hides it.
    pub secret: bool,
    /// What it is for, in one line.
    pub purpose: &'static str,
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
}

const fn key(path: &'static str, kind: Kind, purpose: &'static str) -> Key {
    Key { path, kind, built_in: None, secret: false, purpose }
}

use Kind::{Flag, Number, Text, Texts};

/// Every key, in the order in which `config check` prints them.
pub(crate) const KEYS: &[Key] = &[
    key("external_url", Text, "the one URL under which this service is reached; the issuer of idp"),
    Key { built_in: Some("\"127.0.0.1:8443\""), ..key("listen", Text, "address and port to listen at") },
    key("tls.certificate", Text, "PEM file of the certificate chain, leaf first"),
    key("tls.key", Text, "PEM file of its private key"),
    Key { secret: true, ..key("database.url", Text, "postgres://… or sqlite://PATH") },
    key("key_store.path", Text, "file of the encrypted key store"),
    key("key_store.passphrase_file", Text, "file with its passphrase"),
    key("issuer", Text, "URL of the idp (licence-signer, desk)"),
    key("client.id", Text, "this service's client_id at the idp (licence-signer, desk)"),
    key("client.key_file", Text, "PKCS#8 PEM file of that client's key"),
    key("signer", Text, "URL of the licence-signer (desk)"),
    key("trust.bundle", Text, "file or URL of the trust bundle (desk)"),
    key("trust.root_sha256", Text, "SHA-256 of the first root's payload, hex"),
    Key { built_in: Some("[]"), ..key("trusted_proxies", Texts, "addresses whose X-Forwarded-For is believed") },
    Key { built_in: Some("[]"), ..key("outbound.allowed_origins", Texts, "origins that may be loopback or private") },
    key("outbound.ca_file", Text, "PEM file with further roots for TLS"),
    key("registers.population.url", Text, "register of natural persons (idp)"),
    key("registers.population.client_id", Text, "how this idp is known there"),
    key("registers.population.key_file", Text, "PKCS#8 PEM file of its key for it"),
    key("registers.legal_persons.url", Text, "register of legal persons (idp)"),
    key("registers.legal_persons.client_id", Text, "how this idp is known there"),
    key("registers.legal_persons.key_file", Text, "PKCS#8 PEM file of its key for it"),
    key("registers.phone.url", Text, "operator of phones (idp)"),
    key("registers.phone.client_id", Text, "how this idp is known there"),
    key("registers.phone.key_file", Text, "PKCS#8 PEM file of its key for it"),
    key("resources[].resource", Text, "identifier of a service that takes this idp's tokens: its external URL (idp)"),
    key("resources[].sector", Text, "sector of the subjects in its tokens, frozen at first use"),
    key("resources[].scopes", Texts, "scopes that it knows"),
    key("clients[].client_id", Text, "identifier of a relying party (idp)"),
    key("clients[].name", Text, "its name, as people read it"),
    key("clients[].operator", Text, "who runs it, as people read it"),
    key("clients[].organisation", Text, "credit code of the department that it belongs to"),
    key("clients[].region", Text, "its region (GB/T 2260)"),
    key("clients[].sector", Text, "sector of its subjects, frozen at first use"),
    key("clients[].redirect_uris", Texts, "where it may be answered, exactly"),
    key("clients[].post_logout_redirect_uris", Texts, "where a signed-out browser may go, exactly"),
    key("clients[].auth_method", Text, "client_secret_basic, client_secret_post, private_key_jwt or none"),
    key("clients[].secret_file", Text, "file with its secret"),
    key("clients[].jwks_file", Text, "file with its public keys: a JWK Set, or PEM"),
    key(
        "clients[].grants",
        Texts,
        "authorization_code, refresh_token, client_credentials, token-exchange; if absent, what the rest says",
    ),
    key("clients[].scopes", Texts, "scopes that it may ask for"),
    key("clients[].resources", Texts, "resources that it may name (RFC 8707)"),
    key("clients[].is_resource", Text, "the resource that it is itself: it may ask about tokens for it (RFC 7662)"),
    key("clients[].exchange.aud", Text, "audience of the tokens that it may exchange: its own"),
    key("clients[].exchange.resource", Text, "resource that it may exchange them for"),
    key("clients[].exchange.scopes", Texts, "scopes that it may ask for in an exchange"),
    key("clients[].organisations", Flag, "whether a person may act for an organisation there"),
    key(
        "clients[].trusted",
        Flag,
        "whether it is the house's own, so that people are asked for consent to whole numbers alone",
    ),
    key("clients[].number_purpose", Text, "why it needs whole ID numbers; stands on the consent page"),
    key("clients[].danger_pkce_optional", Flag, "whether an old confidential client may go without PKCE"),
    key("clients[].id_token_alg", Text, "ES256, RS256 or EdDSA"),
    key("status_cache_seconds", Number, "how long the desk keeps a status list, at most 30"),
    key("oid_arc", Text, "arc of the authority's own object identifiers (licence-signer)"),
    key("region", Text, "region of the authority (GB/T 2260)"),
    key("authority", Text, "name of the authority (licence-signer)"),
    key("place", Text, "name of the place on the pages"),
    key("matters_file", Text, "JSON file of the matters, as licence-signer loads it: pages name them after it (idp)"),
    key("help_phone", Text, "telephone number for help on the pages"),
    key("danger_stop_after", Text, "debug builds alone: licence-signer kills itself while it issues, after this step"),
    Key { built_in: Some("\"info\""), ..key("log.level", Text, "error, warn, info, debug or trace") },
    Key { built_in: Some("\"json\""), ..key("log.format", Text, "text or json") },
];

/// What the key of a listed value (`clients[3].name`) is for.
pub(crate) fn purpose(listed: &str) -> &'static str {
    let mut path = listed.to_owned();
    path.retain(|c| !c.is_ascii_digit());
    KEYS.iter().find(|key| key.path == path || key.path == listed).map_or("", |key| key.purpose)
}

/// The known path nearest to `path`, if any is near enough to be meant.
pub(crate) fn nearest(path: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| (strsim::damerau_levenshtein(path, key.path), key.path))
        .filter(|(distance, known)| *distance <= known.len().max(path.len()) / 2)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row of the reference for a key.
    fn row(key: &Key) -> String {
        let kind = match key.kind {
            Kind::Text => "text",
            Kind::Texts => "list of texts",
            Kind::Number => "number",
            Kind::Flag => "flag",
        };
        let built_in = key.built_in.map(|value| format!("`{value}`")).unwrap_or_default();
        format!("| `{}` | {kind} | {built_in} | {} |", key.path, key.purpose)
    }

    #[test]
    fn listed_values_have_their_purpose() {
        assert_eq!(purpose("clients[12].region"), "its region (GB/T 2260)");
        assert!(KEYS.iter().all(|key| purpose(key.path) == key.purpose));
    }

    #[test]
    fn the_reference_lists_exactly_these_keys() {
        let reference = include_str!("../../docs/reference/configuration.md");
        let table = reference.split("| --- | --- | --- | --- |\n").nth(1).and_then(|rest| rest.split("\n\n").next());
        let listed: Vec<&str> = table.expect("the reference has a table").lines().collect();
        let known: Vec<String> = KEYS.iter().map(row).collect();
        assert_eq!(listed, known, "write docs/reference/configuration.md anew");
    }
}
