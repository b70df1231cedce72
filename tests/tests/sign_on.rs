//! Signing in once for every portal, for whom one acts, and signing out.

use url::Url;
use xinyin_tests::backend::on_both;
use xinyin_tests::world::{CITIZENS, PROJECTS, Person, World};
use xinyin_tests::{Logs, Visitor};

const QINGHE: &str = "示范清和食品有限公司";

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_signs_in_once_for_two_portals_and_out_of_both() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let (visitor, citizen) = (Visitor::new(), Person::citizen());
        let first = CITIZENS.log_in(&world, &visitor, &citizen, None, &[]).await;
        assert_eq!((&first.claims["acr"], &first.claims["sub_type"]), (&"urn:xinyin:acr:2".into(), &"person".into()));
        let (status, userinfo) = CITIZENS.userinfo(&world, first.access()).await;
        assert_eq!((status, userinfo["name"].as_str()), (200, Some(citizen.name)), "{userinfo}");
        assert_eq!(userinfo["sub"], first.claims["sub"]);
        assert_eq!(userinfo["id_number_masked"], "**************0009");
        assert!(userinfo.get("id_number").is_none(), "nobody asked for it: {userinfo}");

        // The second portal gets an answer without the page on which people sign in.
        let stop = |url: &Url| PROJECTS.is_called(url) || url.path().starts_with("/sign-in/");
        let page = world.go(&visitor, &PROJECTS.request(&world, &[]), &citizen, None, stop).await;
        assert!(!page.redirect().is_some_and(|next| next.path().starts_with("/sign-in/")), "asked to sign in again");
        let second = PROJECTS.trade(&world, &page).await;
        assert_eq!(second.claims["auth_time"], first.claims["auth_time"]);
        assert_ne!(second.claims["sub"], first.claims["sub"], "each sector has its own sub");
        assert_ne!(second.claims["sid"], first.claims["sid"]);

        // A third time at the first portal nothing is shown at all.
        let silent = CITIZENS.request(&world, &[("prompt", "none")]);
        let page = visitor.get_until(&silent, |url| CITIZENS.is_called(url)).await;
        let third = CITIZENS.trade(&world, &page).await;
        assert_eq!((&third.claims["sub"], &third.claims["sid"]), (&first.claims["sub"], &first.claims["sid"]));

        let scope = [("scope", "openid offline_access")];
        let offline = CITIZENS.log_in(&world, &visitor, &citizen, None, &scope).await;
        let out = format!(
            "{}/logout?id_token_hint={}&post_logout_redirect_uri={}&state=bye",
            world.idp_url,
            first.id_token(),
            CITIZENS.signed_out()
        );
        let page = visitor.look(&out).await;
        let back = page.redirect().expect("back to the portal");
        assert_eq!(back.as_str(), format!("{}?state=bye", CITIZENS.signed_out()));
        let (status, kept) = CITIZENS.refresh(&world, &offline).await;
        assert_eq!(status, 200, "access offline was agreed to and goes on: {}", kept.answer);
        for (party, tokens) in [(CITIZENS, &first), (PROJECTS, &second), (CITIZENS, &third)] {
            world.ended(&party, tokens).await;
        }
        let page = visitor.get_until(&silent, |url| CITIZENS.is_called(url)).await;
        assert_eq!(page.parameter("error").as_deref(), Some("login_required"), "{}", page.body);
        world.check().await;
    })
    .await;
}

/// The picker of whom one acts for, once for each portal; and that the subject is then the organisation.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_acts_for_a_company() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let (visitor, citizen) = (Visitor::new(), Person::citizen());
        let own = CITIZENS.log_in(&world, &Visitor::new(), &citizen, None, &[]).await;
        let company = CITIZENS.log_in(&world, &visitor, &citizen, Some(QINGHE), &[]).await;
        let claims = &company.claims;
        assert_eq!((&claims["sub_type"], &claims["organisation"]["name"]), (&"organisation".into(), &QINGHE.into()));
        assert_eq!(claims["organisation"]["code"], "91640104MA0000015Y");
        assert_eq!(claims["act"]["sub"], own.claims["sub"], "the person's own sub at that client");
        assert_ne!(claims["sub"], own.claims["sub"]);
        assert_eq!(claims["mandate"]["role"], "operator");
        assert_eq!(
            claims["mandate"]["matters"],
            serde_json::json!(["food-licence-change", "enterprise-investment-filing"])
        );
        assert!(claims["mandate"]["exp"].is_i64(), "the mandate's own end: {claims}");

        // prompt=none never changes the subject.
        let silent = CITIZENS.request(&world, &[("prompt", "none")]);
        let page = visitor.get_until(&silent, |url| CITIZENS.is_called(url)).await;
        let again = CITIZENS.trade(&world, &page).await;
        assert_eq!((&again.claims["sub"], &again.claims["act"]), (&claims["sub"], &claims["act"]));

        // Who acts for nobody is not asked.
        let neighbour = Person::neighbour();
        let alone = CITIZENS.log_in(&world, &Visitor::new(), &neighbour, Some("nobody asks"), &[]).await;
        assert_eq!(alone.claims["sub_type"], "person");
        world.check().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_turns_over_and_a_stolen_one_ends_the_grant() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let scope = [("scope", "openid offline_access")];
        let tokens = CITIZENS.log_in(&world, &Visitor::new(), &Person::neighbour(), None, &scope).await;
        let (status, second) = CITIZENS.refresh(&world, &tokens).await;
        assert_eq!(status, 200, "{}", second.answer);
        assert_ne!(second.refresh(), tokens.refresh());
        let (status, body) = PROJECTS.refresh(&world, &second).await;
        assert_eq!((status, &body.answer["error"]), (400, &"invalid_grant".into()), "another client's token");
        let (status, third) = CITIZENS.refresh(&world, &second).await;
        assert_eq!(status, 200, "{}", third.answer);
        world.clock.advance(120);
        let (status, stolen) = CITIZENS.refresh(&world, &tokens).await;
        assert_eq!((status, &stolen.answer["error"]), (400, &"invalid_grant".into()), "used long ago");
        world.ended(&CITIZENS, &third).await;
        world.check().await;
    })
    .await;
}

/// The wrong password says one sentence, whoever it is, and opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_know_the_password_learns_nothing() {
    let world = World::start(xinyin_tests::Backend::Sqlite).await;
    let mut sentences = Vec::new();
    let stranger = xinyin_tests::numbers::id_number(3);
    for login in [Person::citizen().id_number, stranger.as_str()] {
        let visitor = Visitor::new();
        let page = visitor.get_until(&CITIZENS.request(&world, &[]), |url| CITIZENS.is_called(url)).await;
        let answer = visitor.submit(&page.form("login"), &[("login", login), ("password", "not-the-password-1")]).await;
        assert!(answer.status.is_client_error() && answer.redirect().is_none(), "{}", answer.status);
        let error = answer.body.split("id=\"login-error\"").nth(1);
        sentences.push(error.and_then(|rest| rest.split("</p>").next()).map(str::to_owned));
        let silent = CITIZENS.request(&world, &[("prompt", "none")]);
        let page = visitor.get_until(&silent, |url| CITIZENS.is_called(url)).await;
        assert_eq!(page.parameter("error").as_deref(), Some("login_required"));
    }
    assert!(sentences[0].is_some() && sentences[0] == sentences[1], "{sentences:?}");
    world.check().await;
}
