//! The desk and what nobody should send it.

use xinyin_tests::world::World;
use xinyin_tests::{Backend, hostile};

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_at_every_route() {
    let world = World::start(Backend::Sqlite).await;
    let bearer = format!("Bearer {}", world.system_for("market-system", "verify", &world.desk_url).await);
    for route in verifier_desk::ROUTES {
        hostile::torment(&world.desk_url, route.method, route.path, None).await;
        hostile::torment(&world.desk_url, route.method, route.path, Some(&bearer)).await;
    }
    world.check().await;
}
