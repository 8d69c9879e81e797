//! The one stack that all tests talk to, and the few tests that start one of their own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
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
    // Cargo has built them all, and tells where one is.
    let directory = Path::new(env!("CARGO_BIN_EXE_create-link")).parent().expect("a directory");
    let functions = template::functions().into_iter();
    let binaries = functions.map(|function| (function.name.clone(), directory.join(&function.name))).collect();
    let endpoints = Endpoints::from_env();
    let parameters = HashMap::new();
    Options {
        template: template::path(),
        port: 0,
        state: State::Memory,
        endpoints,
        concurrency: 4,
        binaries,
        parameters,
    }
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
pub fn stack_or_skip(what_for: &str) -> Option<&'static Stack> {
    let stack = stack_here();
    if stack.is_none() {
        println!("skipped with BASE_URL: {what_for}");
    }
    stack
}

/// The same, for what can be seen over HTTP, too.
pub fn stack_here() -> Option<&'static Stack> {
    match product() {
        Product::Here(stack) => Some(stack),
        Product::Elsewhere(_) => None,
    }
}

/// While this lives, what this thread's test does goes to another stack.
pub struct StackScope(());

impl StackScope {
    pub fn at(stack: &Stack) -> StackScope {
        BASE.set(Some(stack.url().to_owned()));
        StackScope(())
    }
}

impl Drop for StackScope {
    fn drop(&mut self) {
        BASE.set(None);
    }
}
