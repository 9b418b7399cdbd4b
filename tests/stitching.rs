//! Whose an exchange is when its credentials are missing, wrong, expired or new: real clients with real
//! connections, and the same answer from every verb, after a restart and after a rebuild.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use wayside_tests::{Echo, Script, Wayside, curl, python_program};

/// An API with keys, with tokens that are renewed, and with session cookies.
const SHOP: &str = r#"
import http.server, json, threading
KEYS = {"acme-key-0000000001", "acme-key-0000000002", "beta-key-0000000001", "gamma-key-000000001"}
access, refresh, lock, count = set(), set(), threading.Lock(), [0]
def secret(kind):
    with lock:
        count[0] += 1
        return f"{kind}-{count[0]:08d}-of-the-shop"
class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def answer(self, status, body={}, cookie=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        if cookie: self.send_header("Set-Cookie", f"session={cookie}; Path=/; HttpOnly")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def pair(self):
        new = {"access_token": secret("access"), "refresh_token": secret("refresh")}
        access.add(new["access_token"]); refresh.add(new["refresh_token"])
        return new
    def do_GET(self):
        key, bearer = self.headers.get("X-Api-Key"), self.headers.get("Authorization", "")
        if self.path == "/page":
            old = self.headers.get("Cookie")
            return self.answer(200, {}, None if old else secret("cookie"))
        if self.path == "/revoke":
            KEYS.discard(key)
            return self.answer(200)
        if self.path == "/expire":
            access.discard(bearer.removeprefix("Bearer "))
            return self.answer(200)
        known = key in KEYS or bearer.removeprefix("Bearer ") in access
        self.answer(200 if known else 401, {"ok": known})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/login": return self.answer(200, self.pair(), secret("cookie"))
        if body.get("refresh_token") in refresh:
            refresh.discard(body["refresh_token"])
            return self.answer(200, self.pair())
        self.answer(400)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
print(server.server_port)
server.serve_forever()
"#;

/// What clients are written with: a connection, and calls on it.
const CLIENT: &str = r#"
import http.client, json, sys
port = int(sys.argv[1])
class Client:
    def __init__(self, agent):
        self.agent, self.connect = agent, lambda: http.client.HTTPConnection("127.0.0.1", port)
        self.anew()
    def anew(self): self.connection = self.connect()
    def call(self, path, status=200, key=None, bearer=None, cookie=None, device=None, body=None):
        headers = {"User-Agent": self.agent}
        if key: headers["X-Api-Key"] = key
        if bearer: headers["Authorization"] = "Bearer " + bearer
        if cookie: headers["Cookie"] = "session=" + cookie
        if device: headers["X-Device-Id"] = device
        data = json.dumps(body) if body is not None else None
        if data: headers["Content-Type"] = "application/json"
        self.connection.request("POST" if data else "GET", path, data, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == status, (path, answer.status, text)
        self.cookie = (answer.getheader("Set-Cookie") or "=;").split("=")[1].split(";")[0]
        return json.loads(text)
"#;

#[test]
fn a_wrong_and_a_missing_key_on_a_clients_connection_are_its_own() {
    let world = World::start(&[]);
    world.client(
        r#"
acme = Client("acme/1")
acme.call("/orders", 401)
acme.call("/orders", key="acme-key-0000000001")
acme.call("/orders", 401, key="acme-key-mistyped-1")
acme.call("/orders", 401, key="acme-key-mistyped-1")
acme.call("/orders", key="acme-key-0000000001")
"#,
    );
    world.wayside.ended("", 5);
    let clients = world.clients();
    assert_eq!(clients.len(), 1, "{clients:#?}");
    assert_eq!((&clients[0]["requests"], &clients[0]["errors_4xx"]), (&5.into(), &3.into()));
    let name = clients[0]["name"].as_str().expect("a name");
    assert!(name.starts_with("key:"), "{name}");
    let detail = world.json(&["clients", "show", name, "--json"]);
    let episodes = detail["episodes"].as_array().expect("episodes");
    assert_eq!(episodes.len(), 2, "{detail:#}");
    assert_eq!(
        (
            &episodes[0]["refused_401"],
            &episodes[0]["credentials"][0],
            &episodes[0]["accepted_with"]
        ),
        (&1.into(), &"none".into(), &name.into()),
    );
    assert_eq!(
        (&episodes[1]["refused_401"], &episodes[1]["ended"]),
        (&2.into(), &"accepted".into())
    );
    let links = detail["links"].as_array().expect("links");
    let counts: Vec<(&Value, &Value)> =
        links.iter().map(|link| (&link["kind"], &link["exchanges"])).collect();
    assert_eq!(counts, [(&"connection".into(), &2.into()), (&"connection".into(), &1.into())]);
    let words = world.wayside.run(["clients", "show", name]).ok();
    for part in [
        "made 5 requests in 1 session",
        "it came on the client's connection, 90 % sure, proof 0",
        "2 x 401 with key:",
    ] {
        assert!(words.text().contains(part), "no `{part}` in\n{}", words.text());
    }
    let proof = links[0]["proof"].as_str().expect("an id");
    world.wayside.run(["show", proof]).ok();
    world.same_everywhere(&[name]);
}

#[test]
fn a_rotated_key_and_a_token_that_was_renewed_stay_one_client() {
    let mut world = World::start(&[]);
    world.client(
        r#"
acme = Client("acme/1")
acme.call("/orders", key="acme-key-0000000001")
acme.call("/revoke", key="acme-key-0000000001")
acme.call("/orders", 401, key="acme-key-0000000001")
acme.call("/orders", key="acme-key-0000000002")
acme.anew()
acme.call("/orders", key="acme-key-0000000002")

phone = Client("phone/3")
first = phone.call("/login", body={"user": "ann"})
phone.anew()
phone.call("/orders", bearer=first["access_token"])
phone.call("/expire", bearer=first["access_token"])
phone.call("/orders", 401, bearer=first["access_token"])
phone.anew()
second = phone.call("/token", body={"refresh_token": first["refresh_token"]})
phone.anew()
phone.call("/orders", bearer=second["access_token"])
third = phone.call("/token", body={"refresh_token": second["refresh_token"]})
phone.anew()
phone.call("/orders", bearer=third["access_token"])
"#,
    );
    world.wayside.ended("", 13);
    let clients = world.clients();
    let counts: Vec<&Value> = clients.iter().map(|client| &client["requests"]).collect();
    assert_eq!(clients.len(), 2, "{clients:#?}");
    assert!(counts.contains(&&5.into()) && counts.contains(&&8.into()), "{clients:#?}");
    let names: Vec<String> =
        clients.iter().map(|client| client["name"].as_str().expect("a name").to_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.same_everywhere(&names);

    let asked: Vec<Vec<&str>> = [vec!["clients", "--json"], vec!["sessions", "--json"]]
        .into_iter()
        .chain(names.iter().map(|name| vec!["clients", "show", *name, "--json"]))
        .collect();
    let ask = |world: &World| -> Vec<String> {
        asked.iter().map(|line| world.wayside.run(line).ok().text().to_owned()).collect()
    };
    let before = ask(&world);
    world.wayside.stop();
    assert_eq!(ask(&world), before, "without a recorder");
    world.wayside.run(["verify", "--rebuild"]).ok();
    assert_eq!(ask(&world), before, "after a rebuild");
    world.wayside = Wayside::start_on(world.folder.path(), &world.shop.url(), &[]);
    assert_eq!(ask(&world), before, "after a restart");
    // The links go on from where they were.
    let again = r#"
acme = Client("acme/1")
acme.call("/orders", 401)
acme.call("/orders", key="acme-key-0000000002")
"#;
    world.client(again);
    world.wayside.ended("", 15);
    assert_eq!(world.clients().len(), 2, "{:#?}", world.clients());
}

#[test]
fn a_cookie_that_was_set_leads_from_the_first_visit_to_the_login() {
    let world = World::start(&[]);
    world.client(
        r#"
browser = Client("Mozilla/5.0")
browser.call("/page")
cookie = browser.cookie
browser.anew()
browser.call("/page", cookie=cookie)
browser.anew()
tokens = browser.call("/login", cookie=cookie, body={"user": "ann"})
after = browser.cookie
browser.anew()
browser.call("/page", cookie=after)
browser.anew()
browser.call("/orders", bearer=tokens["access_token"])
"#,
    );
    world.wayside.ended("", 5);
    let clients = world.clients();
    assert_eq!((clients.len(), &clients[0]["requests"]), (1, &5.into()), "{clients:#?}");
    let name = clients[0]["name"].as_str().expect("a name");
    assert!(name.starts_with("bearer:"), "the strongest name: {name}");
    world.same_everywhere(&[name]);
}

#[test]
fn clients_behind_one_address_stay_apart_and_a_split_is_taken_back() {
    let world = World::start(&[]);
    world.client(
        r#"
keys = ["acme-key-0000000001", "beta-key-0000000001", "gamma-key-000000001"]
office = [Client("python/3") for _ in keys]
for _ in range(4):
    for client, key in zip(office, keys): client.call("/orders", key=key)
office[0].call("/orders", 401)
stranger = Client("python/3")
stranger.call("/orders", 401)
# A proxy sends two clients' requests over one connection.
proxy = Client("python/3")
for key in keys[:2] * 2: proxy.call("/orders", key=key)
proxy.call("/orders", 401)
"#,
    );
    world.wayside.ended("", 19);
    let counts = |world: &World| {
        let mut counts: Vec<u64> =
            world.clients().iter().map(|one| one["requests"].as_u64().expect("a count")).collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!(counts(&world), [2, 4, 6, 7], "{:#?}", world.clients());
    let (linked, by) = ("addr:127.0.0.1/python", "the connection");
    let split = world.json(&["clients", "split", linked, "--json"]);
    assert_eq!((&split["apart"], &split["exchanges"]), (&true.into(), &3.into()), "{by}");
    assert_eq!(counts(&world), [3, 4, 6, 6]);
    let all: Vec<Value> = world.clients();
    let names: Vec<&str> = all.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    world.same_everywhere(&names);
    world.wayside.run(["clients", "split", "--undo", linked]).ok();
    assert_eq!(counts(&world), [2, 4, 6, 7]);
    world.wayside.run(["clients", "split", "--undo", linked]).exits(1);
    let nobody = world.wayside.run(["clients", "split", "key:nobody"]).exits(1);
    assert!(nobody.stderr.contains("is not linked"), "{}", nobody.stderr);
}

#[test]
fn clients_are_called_what_the_configuration_calls_them() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("wayside.toml");
    std::fs::write(&file, "").expect("a file");
    let path = file.to_str().expect("a name in UTF-8");
    let world = World::start(&["--config", path]);
    world.client(
        r#"
acme = Client("acme/1")
acme.call("/orders", 401)
acme.call("/orders", key="acme-key-0000000001")
Client("beta/1").call("/orders", key="beta-key-0000000001")
"#,
    );
    world.wayside.ended("", 3);
    let clients = world.clients();
    let name = clients[0]["name"].as_str().expect("a name");
    let (label, text) =
        ("[clients.\"Acme Ltd\"]\nmatch = [\"", "\"]\nstar = true\ngroup = \"retail\"");
    std::fs::write(&file, format!("{label}{name}{text}")).expect("a file");
    world.wayside.signal(wayside_tests::Signal::Reload);
    let mut named = Vec::new();
    for _ in 0..200 {
        named = world.clients();
        if named.iter().any(|client| client["label"] == "Acme Ltd") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let acme = named.iter().find(|client| client["label"] == "Acme Ltd").expect("a label");
    assert_eq!((&acme["star"], &acme["group"]), (&true.into(), &"retail".into()));
    assert_eq!(acme["requests"], 2);
    world.same_everywhere(&["Acme Ltd"]);
    // Its own name finds it as well.
    assert_eq!(world.lines(&["exchanges", &format!("client:{name}"), "--json"]).len(), 2);
    let table = world.wayside.run(["clients"]).ok();
    assert!(table.text().contains("* Acme Ltd"), "{}", table.text());
    std::fs::write(&file, "[clients.\"Acme\"]\nmach = [\"key:x\"]").expect("a file");
    let wrong = world.wayside.run(["config", "--config", path]).exits(2);
    assert!(wrong.stderr.contains("there is no `mach`"), "{}", wrong.stderr);
}

#[test]
fn what_names_a_client_is_configured_and_only_trusted_proxies_are_believed() {
    let echo = Echo::start();
    let arguments = [
        "--client-header",
        "X-Tenant",
        "--client-parameter",
        "shop",
        "--client-cookie",
        "who",
        "--client-claim",
        "tenant",
        "--client-order",
        "cookie",
        "--trusted-proxy",
        "127.0.0.0/8",
    ];
    let wayside = Wayside::start(&echo.url(), &arguments);
    let url = wayside.http_url("/");
    // {"tenant":"acme","sub":"ann"}
    let token = "Authorization: Bearer e30.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIn0.x";
    curl([&url, "-H", token]).ok();
    curl([&url, "-H", token, "-H", "Cookie: who=somebody-or-other"]).ok();
    curl([&url, "-H", "X-Tenant: tenant-number-one"]).ok();
    curl([&format!("{url}?shop=tenant-number-one"), "-A", "probe/1"]).ok();
    curl([&url, "-A", "probe/1", "-H", "X-Forwarded-For: 203.0.113.7, 127.0.0.9"]).ok();
    wayside.ended("", 5);
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    let mut names: Vec<&str> =
        clients.iter().map(|client| client["name"].as_str().expect("a name")).collect();
    names.sort_unstable();
    let [forwarded, token, cookie, key] = names[..] else { panic!("four clients: {names:?}") };
    assert_eq!((forwarded, token), ("addr:203.0.113.7/probe", "bearer:acme"));
    assert!(cookie.starts_with("cookie:") && key.starts_with("key:"), "{names:?}");
    let stored = wayside.run(["exchanges", "--json"]).ok();
    assert!(!stored.text().contains("tenant-number-one"), "a key is a secret");
    let wrong = ["--client-order", "certificate", "--trusted-proxy", "10.0.0.0/33"];
    for pair in wrong.chunks(2) {
        let refused =
            Wayside::run_on(wayside.data(), ["record", "http://127.0.0.1:1"].iter().chain(pair));
        let refused = refused.exits(2);
        assert!(refused.stderr.contains(pair[1]), "{}", refused.stderr);
    }
}

/// A shop, a recorder in front of it, and clients.
struct World {
    wayside: Wayside,
    shop: Script,
    folder: TempDir,
}

impl World {
    fn start(arguments: &[&str]) -> Self {
        let shop = Script::start(SHOP);
        let folder = TempDir::new().expect("a temporary folder");
        let wayside = Wayside::start_on(folder.path(), &shop.url(), arguments);
        Self { wayside, shop, folder }
    }

    /// Runs clients to their end.
    #[track_caller]
    fn client(&self, script: &str) {
        let port = self.wayside.http().port().to_string();
        let ran = Command::new(python_program("python"))
            .args(["-c", &format!("{CLIENT}{script}"), &port])
            .output()
            .expect("python");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    #[track_caller]
    fn clients(&self) -> Vec<Value> {
        self.lines(&["clients", "--json"])
    }

    #[track_caller]
    fn lines(&self, line: &[&str]) -> Vec<Value> {
        self.wayside.run(line).ok().json_lines()
    }

    #[track_caller]
    fn json(&self, line: &[&str]) -> Value {
        self.wayside.run(line).ok().json()
    }

    /// Every verb says the same of each of these clients.
    #[track_caller]
    fn same_everywhere(&self, names: &[&str]) {
        let clients = self.clients();
        for name in names {
            let client =
                clients.iter().find(|client| client["name"] == *name).expect("it is listed");
            let filter = format!("client:\"{name}\"");
            let exchanges = self.lines(&["exchanges", &filter, "--json"]);
            assert_eq!(client["requests"], exchanges.len(), "{name}");
            for exchange in &exchanges {
                assert_eq!(exchange["client"], *name);
                let id = exchange["id"].as_str().expect("an id");
                assert_eq!(self.json(&["show", id, "--json"])["client"], *name);
            }
            let sessions = self.lines(&["sessions", &filter, "--json"]);
            assert_eq!(client["sessions"], sessions.len(), "{name}: {sessions:#?}");
            let within: u64 =
                sessions.iter().map(|one| one["exchanges"].as_u64().unwrap_or(0)).sum();
            assert_eq!(within, exchanges.len() as u64, "{name}");
            assert!(sessions.iter().all(|session| session["client"] == *name), "{sessions:#?}");
        }
    }
}
