//! Paths with known truth: templates as public APIs have them, filled with identifiers of many kinds.

use std::fmt::Write as _;

use wayside_examples::chance::Chance;

/// A path, and the template that it was made from.
#[derive(Clone, Debug)]
pub struct MadePath {
    /// The path.
    pub path: String,
    /// The template, every placeholder as `{id}`.
    pub template: String,
}

/// Templates in the manner of public APIs; the word in braces is a kind of identifier.
const TEMPLATES: [&str; 72] = [
    "/v1/customers/{stripe}",
    "/v1/customers/{stripe}/sources/{stripe}",
    "/v1/payment_intents/{stripe}/capture",
    "/v1/invoices/{stripe}/lines",
    "/v1/subscriptions",
    "/v1/balance/history",
    "/v1/prices/search",
    "/repos/{user}/{user}/issues/{number}/comments",
    "/repos/{user}/{user}/commits/{hex}",
    "/repos/{user}/{user}/actions/runs/{number}/jobs",
    "/users/{user}/followers",
    "/orgs/{user}/teams",
    "/user/repos",
    "/rate_limit",
    "/gists/{hex}",
    "/search/code",
    "/api/chat.postMessage",
    "/api/conversations.history",
    "/api/users.profile.get",
    "/api/files.upload",
    "/v1/albums/{base62}/tracks",
    "/v1/me/player/currently-playing",
    "/v1/playlists/{base62}",
    "/v1/audio-features/{base62}",
    "/api/v1/namespaces/{name}/pods/{name}/log",
    "/apis/apps/v1/namespaces/{name}/deployments",
    "/healthz",
    "/readyz",
    "/admin/api/2026-01/products/{number}.json",
    "/admin/api/2026-01/orders/{number}/transactions.json",
    "/admin/api/2026-01/products/count.json",
    "/2010-04-01/Accounts/{sid}/Messages/{sid}.json",
    "/v2/Services/{sid}/Verifications",
    "/odata/v4/Orders({number})/Lines",
    "/odata/v4/Customers('{user}')",
    "/odata/v4/$metadata",
    "/v1/projects/{slugged}/topics/{name}:publish",
    "/v1/operations/{number}:cancel",
    "/upload/drive/v3/files/{base64}",
    "/drive/v3/files/{base64}/permissions/{number}",
    "/rest/api/3/issue/{jira}/worklog",
    "/rest/api/3/project/{project}/versions",
    "/rest/agile/1.0/board/{number}/sprint",
    "/orders/{uuid}/items/{number}",
    "/orders/{ulid}",
    "/carts/{uuid}/checkout",
    "/products/{sku}",
    "/products/{slug}/reviews",
    "/blog/{date}/{slug}",
    "/reports/{date}",
    "/calendar/{month}/events",
    "/customers/{email}",
    "/customers/{email}/password-reset",
    "/phones/{phone}/verify",
    "/weather/{place}",
    "/geo/{point}/nearby",
    "/files/{object}/versions/{hex}",
    "/documents/{uuid}.pdf",
    "/oauth2/token",
    "/oauth2/v1/authorize",
    "/.well-known/openid-configuration",
    "/auth/forgot-password-confirmation",
    "/login/two-factor-auth",
    "/users/me/notification-preferences",
    "/users/{uuid}/avatar.png",
    "/sessions/{token}",
    "/api/v2/internal/health-check",
    "/webhooks/{number}/deliveries/{uuid}",
    "/countries",
    "/i18n/messages",
    "/hashes/sha256",
    "/static/js/main.js",
];

const VOCABULARY: [&str; 40] = [
    "ada", "river", "stone", "acme", "cloud", "north", "apple", "mint", "rust", "ferry", "delta",
    "harbor", "lemon", "pixel", "nova", "otter", "quartz", "raven", "sable", "tango", "umber",
    "violet", "willow", "xenon", "yarrow", "zephyr", "brook", "cedar", "dune", "ember", "flint",
    "grove", "hazel", "iris", "jade", "karst", "lotus", "maple", "onyx", "pearl",
];

/// A path of a template drawn evenly.
pub fn path(chance: &mut Chance) -> MadePath {
    let pattern = chance.pick(&TEMPLATES).copied().unwrap_or_default();
    let (mut path, mut template) = (String::new(), String::new());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (kind, after) = after.split_once('}').unwrap_or((after, ""));
        path.push_str(before);
        template.push_str(before);
        identifier(kind, chance, &mut path);
        template.push_str("{id}");
        rest = after;
    }
    path.push_str(rest);
    template.push_str(rest);
    // OData's quotes belong to the key.
    MadePath { path, template: template.replace("'{id}'", "{id}") }
}

fn identifier(kind: &str, chance: &mut Chance, into: &mut String) {
    let written = match kind {
        "number" => write!(into, "{}", number(chance)),
        "uuid" => {
            let hex = drawn(b"0123456789abcdef", 32, chance);
            let at = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
            write!(
                into,
                "{}-{}-4{}-9{}-{}",
                at(0, 8),
                at(8, 12),
                at(13, 16),
                at(17, 20),
                at(20, 32)
            )
        }
        "hex" => write!(into, "{}", drawn(b"0123456789abcdef", 40, chance)),
        "object" => write!(into, "{}", drawn(b"0123456789abcdef", 24, chance)),
        "ulid" => write!(into, "01J{}", drawn(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 23, chance)),
        "base62" => write!(into, "{}", drawn(MIXED, 22, chance)),
        "base64" => write!(into, "1{}", drawn(MIXED_64, 32, chance)),
        "token" => write!(into, "{}", drawn(MIXED_64, 43, chance)),
        "stripe" => write!(into, "cus_{}", drawn(MIXED, 14, chance)),
        "sid" => write!(into, "AC{}", drawn(b"0123456789abcdef", 32, chance)),
        "jira" => write!(into, "PROJ-{}", chance.between(1, 9_000)),
        "sku" => write!(into, "{}-{}", drawn(b"ABCDEFGH", 3, chance), chance.between(100, 99_999)),
        "date" => write!(into, "2026-{:02}-{:02}", chance.between(1, 12), chance.between(1, 28)),
        "month" => write!(into, "2026-{:02}", chance.between(1, 12)),
        "email" => write!(into, "{}.{}@example.org", word(chance), number(chance)),
        "phone" => write!(into, "+49{}", chance.between(1_500_000_000, 1_799_999_999)),
        "place" => write!(into, "S%C3%A3o%20{}", word(chance)),
        "point" => write!(
            into,
            "{}.{},{}.{}",
            chance.between(0, 80),
            number(chance),
            chance.between(0, 170),
            number(chance)
        ),
        "slug" => write!(
            into,
            "{}-{}-{}-for-{}-{}",
            word(chance),
            word(chance),
            word(chance),
            word(chance),
            word(chance)
        ),
        "slugged" => {
            write!(into, "{}-{}-{}", word(chance), word(chance), chance.between(100_000, 999_999))
        }
        // Names that people give: nothing in one of them says that it is one.
        "project" => write!(into, "{}", word(chance).to_ascii_uppercase()),
        "name" => write!(into, "{}-{}", word(chance), word(chance)),
        _ => write!(into, "{}{}", word(chance), word(chance)),
    };
    // Writing into memory does not fail.
    let _ = written;
}

const MIXED: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const MIXED_64: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// From one digit to ten.
fn number(chance: &mut Chance) -> u64 {
    let digits = chance.between(1, 10) as u32;
    chance.between(1, 10_u64.pow(digits))
}

fn word(chance: &mut Chance) -> &'static str {
    chance.pick(&VOCABULARY).copied().unwrap_or_default()
}

fn drawn(letters: &[u8], length: usize, chance: &mut Chance) -> String {
    (0..length).filter_map(|_| chance.pick(letters).map(|&byte| char::from(byte))).collect()
}

#[cfg(test)]
mod tests {
    use wayside_identity::Routes;

    use super::*;

    #[test]
    fn paths_get_the_template_that_they_were_made_from() {
        let mut chance = Chance::new(5);
        let mut routes = Routes::default();
        (0..20_000).for_each(|_| {
            let _ = routes.of("GET", &path(&mut chance).path, true);
        });
        let (mut right, mut swallowed) = (0, 0);
        for _ in 0..5_000 {
            let made = path(&mut chance);
            let route = routes.of("GET", &made.path, true);
            right += u32::from(route == format!("GET {}", made.template));
            let pairs = route.split('/').skip(1).zip(made.template.split('/').skip(1));
            swallowed += pairs
                .filter(|(said, truth)| said.contains("{id}") && !truth.contains("{id}"))
                .count();
        }
        assert!(right > 4_800, "{right} of 5000");
        assert_eq!(swallowed, 0, "no name is taken for an identifier");
    }
}
