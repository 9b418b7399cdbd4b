//! `routes [--paths N]`: how many paths get the template that they were made from, beside a naive rule.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write as _, stdout};

use wayside_benches::paths::path;
use wayside_examples::chance::Chance;
use wayside_identity::Routes;

const SEED: u64 = 5;

/// Right and wrong, by segment.
#[derive(Default)]
struct Score {
    paths: u64,
    right: u64,
    /// Segments that became `{id}` and are identifiers.
    found: u64,
    /// Segments that became `{id}` and are names.
    wrong: u64,
    /// Identifiers that stayed as they are.
    missed: u64,
    missed_templates: BTreeMap<String, u64>,
}

impl Score {
    fn add(&mut self, route: &str, template: &str) {
        let path = route.strip_prefix("GET ").unwrap_or(route);
        self.paths += 1;
        self.right += u64::from(path == template);
        for (said, truth) in path.split('/').zip(template.split('/')) {
            match (said.contains("{id}"), truth.contains("{id}")) {
                (true, true) => self.found += 1,
                (true, false) => self.wrong += 1,
                (false, true) => self.missed += 1,
                (false, false) => {}
            }
        }
        if path != template {
            *self.missed_templates.entry(template.to_owned()).or_default() += 1;
        }
    }

    fn say(&self, who: &str) -> std::io::Result<()> {
        let share = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
        writeln!(
            stdout(),
            "{who:<36} {:>6.2} % of {} paths right; identifiers: precision {:.2} %, recall {:.2} %",
            share(self.right, self.paths),
            self.paths,
            share(self.found, self.found + self.wrong),
            share(self.found, self.found + self.missed)
        )
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let paths: u64 = match (words.next().as_deref(), words.next()) {
        (None, _) => 200_000,
        (Some("--paths"), Some(number)) => number.parse()?,
        _ => return Err("usage: routes [--paths N]".into()),
    };
    let mut chance = Chance::new(SEED);
    let (mut naive, mut rules, mut all) = (Score::default(), Score::default(), Score::default());
    let mut routes = Routes::default();
    for n in 0..paths {
        let made = path(&mut chance);
        naive.add(&numbers_and_uuids(&made.path), &made.template);
        // Nothing is answered well, so nothing is learned.
        rules.add(&Routes::default().of("GET", &made.path, false), &made.template);
        let route = routes.of("GET", &made.path, true);
        // The first third teaches.
        if n >= paths / 3 {
            all.add(&route, &made.template);
        }
    }
    naive.say("numbers and UUIDs only")?;
    rules.say("rules for segments")?;
    all.say("rules and what was learned")?;
    for (template, missed) in all.missed_templates {
        writeln!(stdout(), "    wrong {missed:>6} times: {template}")?;
    }
    Ok(())
}

/// What most tools do.
fn numbers_and_uuids(path: &str) -> String {
    let is_one = |segment: &str| {
        let number = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
        number || segment.len() == 36 && segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    };
    let segments: Vec<&str> =
        path.split('/').map(|segment| if is_one(segment) { "{id}" } else { segment }).collect();
    segments.join("/")
}
