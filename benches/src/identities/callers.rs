//! One way of calling for each habit.

use wayside_exchange::{Evidence, EvidenceKind};

use super::{BEGIN, Event, Habit, SECOND, World, piece};

const MINUTE: u64 = 60 * SECOND;
/// An unused connection is closed after this.
const IDLE: u64 = 60 * SECOND;
/// Tokens are good for this long.
const TOKEN: u64 = 15 * MINUTE;
const PRODUCTS: [&str; 5] = ["curl", "okhttp", "python-requests", "Mozilla", "axios"];

/// Somebody who calls.
struct Caller {
    client: u32,
    host: String,
    product: &'static str,
    agent: u64,
    device: Option<String>,
    /// Connections of a proxy that it comes through.
    pool: Vec<u64>,
    keeps_alive: bool,
    resumes: bool,
    connection: u64,
    last: u64,
    now: u64,
}

/// What a request shows and how it is answered.
#[derive(Default)]
struct Call<'a> {
    name: Option<(EvidenceKind, &'a str)>,
    cookie: Option<&'a str>,
    carries: Vec<&'a str>,
    gives: Vec<&'a str>,
    status: u16,
}

pub(super) fn of(habit: Habit, clients: u32, length: u64, world: &mut World) {
    let end = BEGIN + length;
    let count = match habit {
        Habit::Offices => clients.div_ceil(6),
        Habit::Proxies | Habit::Relays => clients.div_ceil(20),
        Habit::Tablets | Habit::Neighbours | Habit::Strangers => clients.div_ceil(2),
        _ => clients,
    };
    for _ in 0..count {
        match habit {
            Habit::Keys => {
                let caller = Caller::new(world);
                keys(caller, end, world);
            }
            Habit::Scripts => {
                let caller = Caller { keeps_alive: false, ..Caller::new(world) };
                keys(caller, end, world);
            }
            Habit::Tokens => {
                let mut caller = Caller::new(world);
                caller.device = world.chance.once_in(2).then(|| world.secret());
                tokens(caller, end, world);
            }
            Habit::Claims => {
                let caller = Caller::new(world);
                claims(caller, end, world);
            }
            Habit::Cookies => {
                let caller = Caller { product: "Mozilla", ..Caller::new(world) };
                cookies(caller, end, world);
            }
            Habit::Offices => office(end, world),
            Habit::Resumers => {
                let caller = Caller { keeps_alive: false, resumes: true, ..Caller::new(world) };
                keys(caller, end, world);
            }
            Habit::Relays => relay(end, world),
            Habit::Proxies => proxy(end, world),
            Habit::Tablets => tablet(end, world),
            Habit::Nameless => {
                let caller = Caller::new(world);
                nameless(caller, end, world);
            }
            Habit::Neighbours => {
                let caller = Caller::new(world);
                let other = Caller { client: world.client(), ..Caller::like(&caller) };
                nameless(other, end, world);
                keys(caller, end, world);
            }
            Habit::Strangers => {
                let caller = Caller::new(world);
                let other = Caller { client: world.client(), agent: 51, ..Caller::like(&caller) };
                strange(other, end, world);
                keys(caller, end, world);
            }
        }
    }
}

/// Does not know that a key is needed.
fn strange(mut caller: Caller, end: u64, world: &mut World) {
    while caller.goes_on(end, world) {
        caller.call(Call::answered(401), world);
    }
}

fn nameless(mut caller: Caller, end: u64, world: &mut World) {
    while caller.goes_on(end, world) {
        caller.call(Call::answered(200), world);
    }
}

/// Mostly the key; sometimes none, sometimes a wrong one, and once in a while a new one. With a connection
/// for each request nothing but a TLS session shows whose a new key is, so that is rarer there, and costs
/// recall.
fn keys(mut caller: Caller, end: u64, world: &mut World) {
    let mut key = world.secret();
    while caller.goes_on(end, world) {
        let chance = world.chance.between(0, 999);
        if chance < 20 {
            caller.call(Call::answered(401), world);
        } else if chance < 30 {
            let wrong = world.secret();
            for _ in 0..3 {
                caller.call(Call::answered(401).named(EvidenceKind::Key, &wrong), world);
                caller.now += SECOND;
            }
        } else if chance == 30 && (caller.keeps_alive || world.chance.once_in(10)) {
            for _ in 0..2 {
                caller.call(Call::answered(401).named(EvidenceKind::Key, &key), world);
                caller.now += SECOND;
            }
            key = world.secret();
        }
        caller.call(Call::answered(200).named(EvidenceKind::Key, &key), world);
    }
}

/// Logs in, then renews: a refresh token goes in a body, and a new pair comes back.
fn tokens(mut caller: Caller, end: u64, world: &mut World) {
    let (mut access, mut refresh) = (world.secret(), world.secret());
    let mut since = caller.now;
    caller.call(Call::answered(200), world);
    caller.call(Call { gives: vec![&access, &refresh], ..Call::answered(200) }, world);
    while caller.goes_on(end, world) {
        if world.chance.once_in(150) {
            // From one network into another.
            caller.host = world.address();
            caller.connection = 0;
        }
        if caller.now - since > TOKEN {
            let (old, used) = (access, refresh);
            (access, refresh) = (world.secret(), world.secret());
            since = caller.now;
            caller.call(Call::answered(401).named(EvidenceKind::Bearer, &old), world);
            caller.now += SECOND / 5;
            let renewal = Call {
                carries: vec![&used],
                gives: vec![&access, &refresh],
                ..Call::answered(200)
            };
            caller.call(renewal, world);
            caller.now += SECOND / 5;
        }
        if world.chance.once_in(60) {
            caller.call(Call::answered(401), world);
        }
        caller.call(Call::answered(200).named(EvidenceKind::Bearer, &access), world);
    }
}

fn claims(mut caller: Caller, end: u64, world: &mut World) {
    let name = format!("user-{}", caller.client);
    let mut token = world.secret();
    caller.call(Call { gives: vec![&token], ..Call::answered(200) }, world);
    let mut since = caller.now;
    while caller.goes_on(end, world) {
        if caller.now - since > TOKEN {
            let old = [token.as_str()];
            let expired = Call { carries: old.to_vec(), ..Call::answered(401) };
            caller.call(expired.named(EvidenceKind::Bearer, &name), world);
            token = world.secret();
            since = caller.now;
            caller.call(Call { gives: vec![&token], ..Call::answered(200) }, world);
        }
        if world.chance.once_in(50) {
            caller.call(Call::answered(401), world);
        }
        let call = Call { carries: vec![&token], ..Call::answered(200) };
        caller.call(call.named(EvidenceKind::Bearer, &name), world);
    }
}

/// A first visit sets a cookie; the login changes it, and so does the server now and then.
fn cookies(mut caller: Caller, end: u64, world: &mut World) {
    let mut cookie = world.secret();
    caller.call(Call { gives: vec![&cookie], ..Call::answered(200) }, world);
    let mut visits = 0;
    while caller.goes_on(end, world) {
        visits += 1;
        if visits == 5 || world.chance.once_in(200) {
            let next = world.secret();
            let call = Call { cookie: Some(&cookie), gives: vec![&next], ..Call::answered(200) };
            caller.call(call, world);
            cookie = next;
        }
        if world.chance.once_in(40) {
            // A font or an image, for which the browser sends none.
            caller.call(Call::answered(200), world);
        }
        caller.call(Call { cookie: Some(&cookie), ..Call::answered(200) }, world);
    }
}

/// Six clients of the same programme at one address, each on connections of its own.
fn office(end: u64, world: &mut World) {
    let first = Caller::new(world);
    for n in 0..6 {
        let client = if n == 0 { first.client } else { world.client() };
        let caller = Caller {
            client,
            host: first.host.clone(),
            now: BEGIN + world.chance.between(1, 600) * SECOND,
            ..Caller::like(&first)
        };
        if n % 2 == 0 { keys(caller, end, world) } else { claims(caller, end, world) }
    }
}

/// Twenty clients whose requests a proxy sends over the same eight connections.
fn proxy(end: u64, world: &mut World) {
    let first = Caller::new(world);
    let pool: Vec<u64> = (0..8).map(|_| world.socket()).collect();
    for n in 0..20 {
        let client = if n == 0 { first.client } else { world.client() };
        let mut caller =
            Caller { client, host: first.host.clone(), pool: pool.clone(), ..Caller::like(&first) };
        caller.now = BEGIN + world.chance.between(1, 600) * SECOND;
        let mut token = world.secret();
        let mut refresh = world.secret();
        let mut since = 0;
        while caller.goes_on(end, world) {
            if n % 2 == 1 && caller.now - since > 4 * TOKEN {
                let used = refresh;
                (token, refresh) = (world.secret(), world.secret());
                since = caller.now;
                let renewal = Call {
                    carries: vec![&used],
                    gives: vec![&token, &refresh],
                    ..Call::answered(200)
                };
                caller.call(renewal, world);
                caller.now += SECOND;
            }
            let kind = if n % 2 == 1 { EvidenceKind::Bearer } else { EvidenceKind::Key };
            caller.call(Call::answered(200).named(kind, &token), world);
        }
    }
}

/// Twenty clients whose requests a proxy sends over a connection each, all of which go on with the session of
/// the one before; some of them without their key.
fn relay(end: u64, world: &mut World) {
    let first = Caller { keeps_alive: false, ..Caller::new(world) };
    let mut callers = Vec::new();
    for n in 0..20 {
        let client = if n == 0 { first.client } else { world.client() };
        let mut caller = Caller { client, ..Caller::like(&first) };
        caller.now = BEGIN + world.chance.between(1, 600) * SECOND;
        callers.push((caller, world.secret()));
    }
    let began = world.events.len();
    for (caller, key) in &mut callers {
        while caller.goes_on(end, world) {
            if world.chance.once_in(50) {
                caller.call(Call::answered(401), world);
            }
            caller.call(Call::answered(200).named(EvidenceKind::Key, key), world);
        }
    }
    let Some(events) = world.events.get_mut(began..) else { return };
    events.sort_by_key(|event| event.at);
    let mut last = None;
    for event in events {
        event.resumed = last.replace(event.connection);
    }
}

/// Two people on one device, an hour each; each logs in anew.
fn tablet(end: u64, world: &mut World) {
    let first = Caller::new(world);
    let second = world.client();
    let device = world.secret();
    let mut caller = Caller { device: Some(device), ..Caller::like(&first) };
    let turn = 60 * MINUTE;
    while caller.now < end {
        caller.client = if caller.client == first.client { second } else { first.client };
        caller.connection = 0;
        let name = format!("person-{}", caller.client);
        let token = world.secret();
        caller.call(Call { gives: vec![&token], ..Call::answered(200) }, world);
        let until = (caller.now + turn).min(end);
        while caller.goes_on(until, world) {
            let call = Call { carries: vec![&token], ..Call::answered(200) };
            caller.call(call.named(EvidenceKind::Bearer, &name), world);
        }
    }
}

impl Caller {
    fn new(world: &mut World) -> Self {
        let product = world.chance.pick(&PRODUCTS).copied().unwrap_or("curl");
        Self {
            client: world.client(),
            host: world.address(),
            product,
            agent: world.chance.between(1, 50),
            device: None,
            pool: Vec::new(),
            keeps_alive: true,
            resumes: false,
            connection: 0,
            last: 0,
            now: BEGIN + world.chance.between(1, 3600) * SECOND,
        }
    }

    /// Another with the same programme at the same address.
    fn like(other: &Self) -> Self {
        Self { host: other.host.clone(), device: None, pool: Vec::new(), connection: 0, ..*other }
    }

    /// Waits for its next turn.
    fn goes_on(&mut self, end: u64, world: &mut World) -> bool {
        let pause = if world.chance.once_in(20) { 600 } else { 30 };
        self.now += world.chance.between(1, pause) * SECOND + world.chance.between(1, SECOND);
        self.now < end
    }

    fn call(&mut self, call: Call<'_>, world: &mut World) {
        let Call { name, cookie, carries, gives, status } = call;
        let is_stale = !self.keeps_alive || self.now - self.last > IDLE;
        let before = self.connection;
        if !self.pool.is_empty() {
            self.connection = world.chance.pick(&self.pool).copied().unwrap_or_default();
        } else if self.connection == 0 || is_stale {
            self.connection = world.socket();
        }
        let resumed = (self.resumes && before != 0).then_some(before);
        self.last = self.now;
        let mut evidence: Vec<Evidence> = Vec::new();
        evidence.extend(name.map(|(kind, token)| piece(kind, token)));
        evidence.extend(cookie.map(|token| piece(EvidenceKind::Cookie, token)));
        evidence.push(piece(EvidenceKind::Address, &format!("{}/{}", self.host, self.product)));
        evidence.extend(self.device.iter().map(|token| piece(EvidenceKind::Device, token)));
        evidence.extend(carries.into_iter().map(|token| piece(EvidenceKind::Carried, token)));
        evidence.extend(gives.into_iter().map(|token| piece(EvidenceKind::Given, token)));
        // No two at the same moment: the time is the id.
        let at = self.now + world.chance.between(1, 1000);
        world.events.push(Event {
            at,
            client: self.client,
            connection: self.connection,
            resumed,
            evidence,
            agent: self.agent,
            status,
        });
        self.now = at;
    }
}

impl<'a> Call<'a> {
    fn answered(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    fn named(self, kind: EvidenceKind, token: &'a str) -> Self {
        Self { name: Some((kind, token)), ..self }
    }
}
