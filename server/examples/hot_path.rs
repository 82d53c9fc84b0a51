//! Does one piece of the hot path so many times, for programs that count what a process does:
//! `valgrind --tool=callgrind target/debug/examples/hot_path publish 1000 5000`.

#[path = "../benches/hot_path/work.rs"]
mod work;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, size, times] = arguments.as_slice() else { panic!("three arguments: work, size, times") };
    let mut run = work::of(name, size.parse().expect("a size"));
    (0..times.parse::<usize>().expect("a number")).for_each(|_| run());
}
