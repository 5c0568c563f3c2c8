//! The last responses in a browser: each head as it went out, and who wrote each field of it.
//!
//! [The guide](crate::guide::inspect) has a tour of the pages, who may see them, and every key of their JSON.

mod escape;
mod shell;
mod iso;
mod kept;
mod viewers;
mod ring;
mod server;
mod steps;
mod diff;
mod merged;
mod filter;
#[cfg(feature = "axum")]
mod from_axum;
#[cfg(not(feature = "axum"))]
#[path = "from_axum_none.rs"]
mod from_axum;
mod access;
mod place;
#[cfg(all(feature = "trust", unix))]
mod trees;
#[cfg(not(all(feature = "trust", unix)))]
#[path = "trees_none.rs"]
mod trees;
mod settings;
mod html;
mod bar;
mod list;
mod json;
#[cfg(all(feature = "trust", unix))]
mod tree_page;
#[cfg(not(all(feature = "trust", unix)))]
#[path = "tree_page_none.rs"]
mod tree_page;
mod show;
mod body;
mod answer;
mod service;
mod inspector;
#[cfg(all(feature = "trust", unix))]
mod tree_option;

pub use body::InspectorBody;
pub use inspector::Inspector;
pub use service::InspectorService;
