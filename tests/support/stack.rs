//! The one stack that all tests talk to, and the few tests that start one of their own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;

use local::{Endpoints, Options, Stack, State};

use super::template;

enum Product {
    /// Somewhere else; only HTTP is known of it.
    Elsewhere(String),
    Here(Box<Stack>),
}

static PRODUCT: OnceLock<Product> = OnceLock::new();

thread_local! {
    static BASE: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn product() -> &'static Product {
    PRODUCT.get_or_init(|| match std::env::var("BASE_URL") {
        Ok(url) => Product::Elsewhere(url.trim_end_matches('/').to_owned()),
        Err(_) => Product::Here(Box::new(started())),
    })
}

/// Starts the stack in a thread that outlives every test and its runtime.
fn started() -> Stack {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            send.send(Stack::start(options()).await).expect("somebody waits for the stack");
            std::future::pending::<()>().await;
        });
    });
    receive.recv().expect("the thread of the stack").expect("the stack starts")
}

/// A stack in memory with this build's functions.
pub fn options() -> Options {
    let binaries = [
        ("create-link", env!("CARGO_BIN_EXE_create-link")),
        ("get-link", env!("CARGO_BIN_EXE_get-link")),
        ("update-link", env!("CARGO_BIN_EXE_update-link")),
        ("delete-link", env!("CARGO_BIN_EXE_delete-link")),
        ("send-link-message", env!("CARGO_BIN_EXE_send-link-message")),
        ("list-link-messages", env!("CARGO_BIN_EXE_list-link-messages")),
        ("delete-link-message", env!("CARGO_BIN_EXE_delete-link-message")),
        ("get-shared-message", env!("CARGO_BIN_EXE_get-shared-message")),
        ("upload-card", env!("CARGO_BIN_EXE_upload-card")),
    ];
    let binaries: HashMap<_, _> = binaries.map(|(name, path)| (name.to_owned(), PathBuf::from(path))).into();
    let endpoints = Endpoints::from_env();
    Options { template: template::path(), port: 0, state: State::Memory, endpoints, concurrency: 4, binaries }
}

/// Where the product answers, without a slash at the end.
pub fn base() -> String {
    if let Some(url) = BASE.with_borrow(Clone::clone) {
        return url;
    }
    match product() {
        Product::Elsewhere(url) => url.clone(),
        Product::Here(stack) => stack.url().to_owned(),
    }
}

/// The tests' stack, for what can't be seen over HTTP. Without one of their own there is nothing to look at.
pub fn own_stack(what_for: &str) -> Option<&'static Stack> {
    match product() {
        Product::Here(stack) => Some(stack),
        Product::Elsewhere(_) => {
            println!("skipped with BASE_URL: {what_for}");
            None
        }
    }
}

/// While this lives, what this thread's test does goes to another stack.
pub struct Elsewhere(());

impl Elsewhere {
    pub fn at(stack: &Stack) -> Elsewhere {
        BASE.set(Some(stack.url().to_owned()));
        Elsewhere(())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        BASE.set(None);
    }
}
