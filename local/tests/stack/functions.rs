//! How functions' processes are started, shared out, and got rid of.

use crate::support::{Http, Meeting, SOON, gone, stack};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn instances_start_on_demand_and_the_last_used_goes_first() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    assert!(stack.instances("probe").is_empty());
    for _ in 0..20 {
        assert_eq!(http.get("/echo/x").await.status, 200);
    }
    assert_eq!(stack.instances("probe").len(), 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_four_instances_at_most_and_further_requests_wait_for_one() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    let meeting = Meeting::open().await;
    let requests: Vec<_> = (0..12)
        .map(|_| {
            let (http, path) = (http.clone(), meeting.at("/wait"));
            tokio::spawn(async move { http.get(&path).await })
        })
        .collect();
    let mut busy = Vec::new();
    for _ in 0..4 {
        busy.push(meeting.next().await);
    }
    assert_eq!(stack.instances("probe").len(), 4);
    // Another function is not held up.
    http.get("/broken").await.is(500, "Internal Server Error");
    for _ in 4..12 {
        drop(busy.pop());
        busy.push(meeting.next().await);
    }
    drop(busy);
    let mut pids = HashSet::new();
    for request in requests {
        pids.insert(request.await.unwrap().body);
    }
    assert_eq!(pids.len(), 4);
    assert_eq!(stack.instances("probe").len(), 4);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_answered_at_once_and_the_next_request_gets_a_fresh_instance() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    let first: u32 = http.get("/environment").await.json()["pid"].as_u64().unwrap() as u32;
    let asked = Instant::now();
    http.get("/crash").await.is(500, "Internal Server Error");
    assert!(asked.elapsed() < Duration::from_secs(5), "the function's time-out is 20 s");
    assert!(stack.logs().lines().iter().any(|line| line.text == "crashes as asked" && &*line.function == "probe"));
    assert!(stack.logs().lines().iter().any(|line| line.text.contains("the runtime exited with exit status: 3")));
    let second: u32 = http.get("/environment").await.json()["pid"].as_u64().unwrap() as u32;
    assert_ne!(first, second);
    assert_eq!(stack.instances("probe"), [second]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_died_while_idle_costs_nobody_an_answer() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    let meeting = Meeting::open().await;
    for _ in 0..5 {
        let pid = http.get(&meeting.at("/hold")).await.json();
        let instance = meeting.next().await;
        kill("-KILL", &pid.to_string());
        gone(instance).await;
        let listed = async {
            while stack.instances("probe").iter().any(|listed| pid == *listed) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, listed).await.expect("the stack must notice");
        assert_eq!(http.get("/echo/x").await.status, 200);
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_to_start_is_a_500_and_is_not_started_again_by_itself() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    for times in 1..=2 {
        http.get("/broken").await.is(500, "Internal Server Error");
        let lines = stack.logs().lines();
        assert_eq!(lines.iter().filter(|line| line.text == "init fails as asked").count(), times);
    }
    assert!(stack.instances("broken").is_empty());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_longer_than_its_timeout_is_killed() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    http.get("/hang").await.is(500, "Internal Server Error");
    assert!(stack.instances("brief").is_empty());
    let said = stack.logs().wait(|line| line.text.ends_with("Task timed out after 1.00 seconds"), SOON).await;
    assert!(said.is_some());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_gives_up_before_the_function_does_and_the_function_goes_on() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    let meeting = Meeting::open().await;
    http.get(&meeting.at("/wait/impatient")).await.is(503, "Service Unavailable");
    let instance = meeting.next().await;
    let alive = stack.instances("impatient");
    assert_eq!(alive.len(), 1);
    drop(instance); // it was still waiting, and is of use still
    let path = meeting.at("/wait/impatient");
    let (answer, ()) = tokio::join!(http.get(&path), async { drop(meeting.next().await) });
    assert_eq!(answer.status, 200);
    assert!(stack.instances("impatient").contains(&alive[0]));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_returns_an_error_stays() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    let pid = http.get("/environment").await.json()["pid"].clone();
    http.get("/error").await.is(500, "Internal Server Error");
    assert!(stack.logs().lines().iter().any(|line| line.text.contains("fails as asked")));
    assert_eq!(http.get("/environment").await.json()["pid"], pid);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_stops_or_is_dropped_leaves_no_process() {
    for stops in [true, false] {
        let stack = stack().await;
        let http = Http::new(stack.url());
        let meeting = Meeting::open().await;
        http.get(&meeting.at("/hold")).await;
        let idle = meeting.next().await;
        let mut request = TcpStream::connect(stack.url().trim_start_matches("http://")).await.unwrap();
        let wait = format!("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", meeting.at("/wait"));
        request.write_all(wait.as_bytes()).await.unwrap();
        let busy = meeting.next().await;
        match stops {
            true => stack.stop().await,
            false => drop(stack),
        }
        gone(idle).await;
        gone(busy).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_print_is_in_the_logs_and_can_be_waited_for() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    let logs = stack.logs();
    let waiting = tokio::spawn(async move { logs.wait(|line| line.text.starts_with("echoes"), SOON).await });
    http.get("/echo/x").await;
    assert_eq!(waiting.await.unwrap().as_deref(), Some("echoes /echo/x"));
    assert_eq!(stack.logs().wait(|line| line.text == "never said", Duration::ZERO).await, None);
    stack.stop().await;
}

/// Sends a signal to a process that this test started.
pub fn kill(signal: &str, pid: &str) {
    assert!(std::process::Command::new("kill").args([signal, pid]).status().unwrap().success());
}
