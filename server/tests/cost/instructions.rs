//! Instructions, counted by valgrind's callgrind in this program itself, which then does only one
//! kind of work.

use crate::work;
use std::process::Command;

/// The variable that tells [`subject`] its work, size and number of runs.
const WORK: &str = "MICRO_SOCKET_COST";

/// Not a test: the program that valgrind runs.
#[test]
#[ignore = "valgrind looks at it"]
fn subject() {
    let text = std::env::var(WORK).expect("the work to do");
    let [name, size, times] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("work, size, times: {text}")
    };
    let mut run = work::of(name, size.parse().expect("a size"));
    (0..times.parse::<u64>().expect("a number")).for_each(|_| run());
}

/// Instructions of one run: the difference between `2 * times` and `times` runs, divided by
/// `times`.
fn of(name: &str, size: usize, times: u64) -> f64 {
    (count(name, size, 2 * times) - count(name, size, times)) as f64 / times as f64
}

fn count(name: &str, size: usize, times: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("this program's path"));
    valgrind
        .args(["--exact", "instructions::subject", "--ignored", "--nocapture"])
        .env(WORK, format!("{name} {size} {times}"));
    let output = valgrind.output().expect("valgrind, which `cargo xtask test` installs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let line = text
        .lines()
        .find(|line| line.contains("Collected"))
        .unwrap_or_else(|| panic!("no count in {text}"));
    line.rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no count in {line}"))
}

fn grows(name: &str, from: f64, to: f64, by: f64) {
    println!("{name}: {from:.0} to {to:.0} instructions");
    assert!(to <= by * from, "{name}: {from:.0} to {to:.0} instructions");
}

#[test]
fn a_delivery_costs_the_same_for_few_and_for_many_subscribers() {
    let (few, many) = (of("deliver", 100, 100) / 100.0, of("deliver", 2000, 20) / 2000.0);
    grows("deliver", few, many, 1.0);
    assert!(many < 250.0, "{many}");
}

#[test]
fn a_publish_costs_the_same_among_few_and_among_many_topics() {
    let (few, many) = (of("publish", 1, 2000), of("publish", 2000, 2000));
    grows("publish", few, many, 1.25);
    assert!(few < 25_000.0, "{few}");
}

#[test]
fn to_subscribe_and_leave_costs_the_same_among_few_and_among_many() {
    grows("churn", of("churn", 3, 2000), of("churn", 200, 2000), 1.1);
}

#[test]
fn a_replayed_message_costs_a_fraction_of_a_publish() {
    let (replayed, published) =
        (of("replay", 1, 20) / work::REPLAYED as f64, of("publish", 1, 1000));
    println!("replay: {replayed:.0} instructions a message");
    assert!(replayed * 10.0 < published, "{replayed} of {published}");
}
