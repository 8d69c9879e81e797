//! The shared stack, and how a test sends its requests to another one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;

use local::{Endpoints, Options, Stack, State};

use super::template;

enum Product {
    /// The product at `BASE_URL`, reachable by HTTP only.
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

/// Starts the shared stack in a thread of its own, as it outlives the runtime of the test that starts it.
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
    // Cargo has built all of them into one directory.
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

/// The product's URL, without a slash at the end.
pub fn base() -> String {
    if let Some(url) = BASE.with_borrow(Clone::clone) {
        return url;
    }
    match product() {
        Product::Elsewhere(url) => url.clone(),
        Product::Here(stack) => stack.url().to_owned(),
    }
}

/// The shared stack, for tests that look behind HTTP. With `BASE_URL` there is none: prints that the test is skipped.
pub fn stack_or_skip(what_for: &str) -> Option<&'static Stack> {
    let stack = stack_here();
    if stack.is_none() {
        println!("skipped with BASE_URL: {what_for}");
    }
    stack
}

/// The shared stack, without printing anything.
pub fn stack_here() -> Option<&'static Stack> {
    match product() {
        Product::Here(stack) => Some(stack),
        Product::Elsewhere(_) => None,
    }
}

/// While this lives, requests of this thread's test go to another stack.
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
