//! The pages that every foot leads to: privacy, accessibility, help. Their words are `about-{topic}` and `about-{topic}-1` and
//! so on; a service that has more to say replaces or adds them in its own vocabulary.

use axum::extract::Path;

use crate::asker::Asker;
use crate::html::{Html, escape};
use crate::page::Page;
use crate::problem::Problem;

/// The topics, in the order of the foot.
pub(crate) const TOPICS: [&str; 3] = ["privacy", "access", "help"];

/// How many paragraphs a topic may have.
const MOST_PARAGRAPHS: usize = 20;

/// `GET /about/{topic}`.
pub(crate) async fn get(asker: Asker, Path(topic): Path<String>) -> Result<Page, Problem> {
    if !TOPICS.contains(&topic.as_str()) {
        return Err(Problem::not_found("http.not_found"));
    }
    let words = asker.words();
    let telephone = asker.site().telephone.as_str();
    let title = words.get(&format!("about-{topic}")).into_owned();
    let paragraphs = (1..=MOST_PARAGRAPHS)
        .map_while(|at| words.find_with(&format!("about-{topic}-{at}"), &[("telephone", telephone)]))
        .map(|text| format!("\n  <p>{}</p>", escape(&text)));
    let body: String = paragraphs.collect();
    let main = format!("<div class=\"read stack\">\n  <h1>{}</h1>{body}\n</div>", escape(&title));
    Ok(Page::new(&asker, title, Html::already_escaped(main)))
}
