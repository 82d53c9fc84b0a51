//! The thread that writes the log, the only one that waits for standard error. A full disk, a pipe
//! that nothing reads and a reader that has gone cost lines, which are counted, and never hold up
//! the service.

use super::{
    left_out,
    queue::{Next, Queue},
    repeats::Repeats,
};
use std::{
    io::{self, ErrorKind, Write},
    thread::sleep,
    time::{Duration, Instant},
};

/// From one try to the next, if another process has made the file non-blocking and it is full.
const FULL: Duration = Duration::from_millis(10);

/// Writes to `out` until the queue is closed. Now and then the log tells what it has left out.
pub(super) fn run(queue: &Queue, repeats: &Repeats, out: impl Write) {
    let mut file = File { out, is_cut: false };
    let mut told = 0;
    let mut is_taken = true;
    let mut telling = Instant::now() + left_out::INTERVAL;
    loop {
        match queue.next(telling) {
            Next::Line(line) => {
                is_taken = file.put(&line).is_ok();
                if !is_taken {
                    queue.count_dropped();
                }
            }
            Next::Nothing => {}
            Next::Closed => return,
        }
        if Instant::now() >= telling {
            telling = Instant::now() + left_out::INTERVAL;
            left_out::tell_repeats(repeats);
            // While lines are lost, this one would be lost too, and count as one more.
            if is_taken && queue.dropped() > told {
                left_out::tell_dropped(queue.dropped() - told);
                told = queue.dropped();
            }
        }
    }
}

/// What lines are written to.
struct File<W> {
    out: W,
    /// It ends in the middle of a line.
    is_cut: bool,
}

impl<W: Write> File<W> {
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_cut {
            self.put_all(b"\n")?;
        }
        self.put_all(line)
    }

    fn put_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(FULL),
                Err(error) => return Err(error),
            }
            self.is_cut = !bytes.is_empty();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes before each error of its list.
    struct Script(Vec<(usize, ErrorKind)>, Vec<u8>);

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let Some((room, error)) = self.0.first_mut() else {
                self.1.extend(bytes);
                return Ok(bytes.len());
            };
            let taken = bytes.len().min(*room);
            *room -= taken;
            if taken == 0 {
                let error = *error;
                self.0.remove(0);
                return Err(error.into());
            }
            self.1.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(errors: &[(usize, ErrorKind)], lines: &[&str]) -> (String, u64) {
        let queue = Queue::new(lines.len());
        lines.iter().for_each(|line| queue.push(line.as_bytes().into()));
        queue.close(Duration::ZERO);
        let mut script = Script(errors.to_vec(), Vec::new());
        run(&queue, &Repeats::default(), &mut script);
        (String::from_utf8(script.1).unwrap(), queue.dropped())
    }

    #[test]
    fn what_cannot_be_written_is_lost_and_counted_and_the_next_line_begins_a_line() {
        use ErrorKind::{Interrupted, StorageFull, WouldBlock};
        assert_eq!(written(&[], &["one\n", "two\n"]), ("one\ntwo\n".to_owned(), 0));
        assert_eq!(written(&[(0, StorageFull)], &["one\n", "two\n"]), ("two\n".to_owned(), 1));
        assert_eq!(
            written(&[(2, StorageFull), (0, StorageFull)], &["one\n", "two\n", "six\n"]),
            ("on\nsix\n".to_owned(), 2)
        );
        assert_eq!(
            written(&[(2, Interrupted), (1, WouldBlock)], &["one\n", "two\n"]),
            ("one\ntwo\n".to_owned(), 0)
        );
    }
}
