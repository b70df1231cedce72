//! The first page of the demonstration, at the simulators' `/start`: what runs, what to try, who is there.

use askama::Template;
use axum::response::{IntoResponse, Response};
use web::words::Lang;
use web::{Asker, Page, Words};

use super::world;

#[derive(Template)]
#[template(path = "up_home.html")]
struct Home<'a> {
    w: &'a Words,
    things: Vec<Thing>,
    services: Vec<Service>,
    persons: Vec<Person>,
}

struct Thing {
    title: String,
    text: String,
    href: String,
    link: String,
}

struct Service {
    name: String,
    href: String,
    address: String,
    does: String,
}

struct Person {
    name: &'static str,
    masked: String,
    phone: &'static str,
    password: &'static str,
    role: &'static str,
}

/// `GET /start`
pub(crate) async fn page(asker: Asker) -> Response {
    let w = asker.words();
    let say = |key: &str| w.get(key).into_owned();
    let things = [(1, 8083, "/"), (2, 8081, "/department"), (3, 8081, "/"), (4, 8085, "/"), (5, 8082, "/")]
        .into_iter()
        .map(|(n, port, path)| Thing {
            title: say(&format!("up-thing-{n}")),
            text: say(&format!("up-thing-{n}-text")),
            href: format!("http://localhost:{port}{path}"),
            link: say(&format!("up-thing-{n}-link")),
        })
        .collect();
    let services = [
        ("idp", 8080, "/account"),
        ("signer", 8081, "/"),
        ("desk", 8082, "/"),
        ("portal", 8083, "/"),
        ("project", 8085, "/"),
        ("simulators", 8084, "/"),
    ]
    .into_iter()
    .map(|(key, port, path)| Service {
        name: say(&format!("svc-{key}")),
        href: format!("http://localhost:{port}{path}"),
        address: format!("http://localhost:{port}"),
        does: say(&format!("svc-{key}-does")),
    })
    .collect();
    let persons = world::PERSONS
        .iter()
        .map(|person| Person {
            name: person.name,
            masked: verifier::subject::mask::id_number(person.id_number),
            phone: person.phone,
            password: person.password.unwrap_or_default(),
            role: if asker.lang() == Lang::ZhCn { person.role.0 } else { person.role.1 },
        })
        .collect();
    let page = Home { w, things, services, persons };
    Page::of(&asker, say("up-title"), &page).into_response()
}
