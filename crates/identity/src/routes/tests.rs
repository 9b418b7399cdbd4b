//! Routes as a person reads them in a listing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

fn routes(patterns: &[&str]) -> Routes {
    Routes::new(&patterns.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
}

#[test]
fn a_route_is_the_method_and_the_template_of_the_path() {
    for (target, route) in [
        ("/orders/8f3a91bc77/items/12", "GET /orders/{id}/items/{id}"),
        ("/orders/ord_00017?x=1", "GET /orders/{id}"),
        ("/v2/oauth2/token#top", "GET /v2/oauth2/token"),
        ("/u/0b0e3c1e-7f3d-4a1b-9d55-0a6c0e2f9d11/", "GET /u/{id}/"),
        ("/", "GET /"),
        ("*", "GET *"),
        ("http://shop.test:80/orders/17?a=b", "GET /orders/{id}"),
        ("http://shop.test", "GET /"),
        ("/go/http://elsewhere.test/x", "GET /go/http://elsewhere.test/x"),
    ] {
        assert_eq!(routes(&[]).of("GET", target, true), route);
    }
}

#[test]
fn a_place_with_ever_new_segments_holds_identifiers_from_then_on() {
    let mut routes = routes(&[]);
    let name =
        |n: u32| format!("/users/{}{}/posts", ["ada", "bob", "eve"][n as usize % 3], letters(n));
    let early = routes.of("GET", &name(0), true);
    assert_eq!(early, "GET /users/adaa/posts");
    for n in 0..300 {
        routes.of("GET", &name(n), true);
        routes.of("GET", "/users/everyone", true);
    }
    assert_eq!(routes.of("GET", "/users/everyone", true), "GET /users/everyone");
    assert_eq!(routes.of("GET", "/users/zoe/posts", true), "GET /users/{id}/posts");
    assert_eq!(routes.of("DELETE", "/users/zoe", false), "DELETE /users/{id}");
    assert_eq!(routes.of("GET", "/users/me/posts", true), "GET /users/me/posts");
    assert_eq!(routes.of("POST", "/users/zoe:block", true), "POST /users/{id}:block");
    assert_eq!(routes.of("GET", "/teams/red", true), "GET /teams/red");
}

#[test]
fn names_that_come_again_and_again_stay_names() {
    let mut routes = routes(&[]);
    for round in 0..20 {
        for n in 0..100 {
            let path = format!("/api/do{}", letters(n * (round % 3 + 1) % 100));
            routes.of("POST", &path, true);
        }
    }
    assert_eq!(routes.of("POST", "/api/doab", true), "POST /api/doab");
}

#[test]
fn whoever_tries_paths_that_are_not_there_teaches_nothing() {
    let mut routes = routes(&[]);
    for n in 0..5_000 {
        routes.of("GET", &format!("/admin/{}", letters(n)), false);
    }
    assert_eq!(routes.of("GET", "/admin/settings", true), "GET /admin/settings");
}

#[test]
fn what_was_learned_is_taken_up_again_from_recorded_routes() {
    let mut routes = routes(&[]);
    routes.take_up("GET /users/{id}/posts");
    assert_eq!(routes.of("GET", "/users/ada/posts", true), "GET /users/{id}/posts");
    routes.take_up("GET /files/{id}.pdf");
    assert_eq!(routes.of("GET", "/files/terms", true), "GET /files/terms");
}

#[test]
fn configured_patterns_come_first_and_keep_the_names_of_their_placeholders() {
    let mut routes = routes(&[
        "/users/{name}",
        "/users/me",
        "POST /users/{name}/rename",
        "/files/{path...}",
        "/v/{a}/x",
    ]);
    for (method, path, route) in [
        ("GET", "/users/ada?x", "GET /users/{name}"),
        ("GET", "/users/me", "GET /users/me"),
        ("POST", "/users/ada/rename", "POST /users/{name}/rename"),
        ("GET", "/users/ada/rename", "GET /users/ada/rename"),
        ("GET", "/files/a/b/c.txt", "GET /files/{path...}"),
        ("GET", "/users/", "GET /users/"),
        ("GET", "/v/1/y", "GET /v/{id}/y"),
    ] {
        assert_eq!(routes.of(method, path, true), route);
    }
}

#[test]
fn a_pattern_that_cannot_be_meant_is_refused() {
    assert_eq!("users/{id}".parse::<Pattern>(), Err(WrongPattern::NoPath));
    assert_eq!("/users/{id".parse::<Pattern>(), Err(WrongPattern::Braces));
    assert_eq!("/a/{rest...}/b".parse::<Pattern>(), Err(WrongPattern::Braces));
    assert_eq!("/a/{}".parse::<Pattern>(), Err(WrongPattern::Braces));
}

#[test]
fn memory_is_bounded_however_many_places_are_tried() {
    let mut routes = routes(&[]);
    for n in 0..20_000 {
        routes.of("GET", &format!("/{}/{}/x", letters(n), letters(n + 1)), true);
    }
    assert!(routes.learned.size() < 300_000, "{}", routes.learned.size());
}

fn letters(mut n: u32) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
        if n == 0 {
            return text;
        }
    }
}
