use super::*;
use futures_util::FutureExt;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};
use websocket::put_text_frame;

async fn pair(limit: usize) -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (Connection::new(crate::transport::plain(server).1, limit, Clock::start()), client)
}

fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_text_frame(&mut out, text.len(), |out| out.extend_from_slice(text.as_bytes()));
    out
}

impl Connection {
    fn say(&self, text: &str) {
        self.send(&mut self.outbox.lock(), &frame(text).into());
    }
}

async fn rest(mut client: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// The payloads of short and middle frames, each with its opcode.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [first, len, ..] = *bytes {
        let (header, len) = if len == 126 {
            (4, usize::from(bytes[2]) << 8 | usize::from(bytes[3]))
        } else {
            (2, len.into())
        };
        found.push((first & 15, &bytes[header..header + len]));
        bytes = &bytes[header + len..];
    }
    found
}

#[tokio::test]
async fn what_was_held_back_leaves_in_front() {
    let (connection, client) = pair(1000).await;
    connection.cork(frame("1"));
    connection.cork(frame("2"));
    connection.say("3");
    connection.cork(frame("4"));
    connection.uncork();
    connection.cork(frame("5"));
    connection.close(CloseCode::GoingAway, "");
    connection.say("too late");
    drop(connection);
    assert_eq!(
        rest(client).await,
        [frame("1"), frame("2"), frame("3"), frame("4"), frame("5"), vec![0x88, 2, 0x03, 0xE9]]
            .concat()
    );
}

#[tokio::test]
async fn a_full_socket_keeps_order_and_loses_nothing() {
    let (connection, client) = pair(64 << 20).await;
    let text = "x".repeat(60_000);
    let mut sent = 0;
    while sent < 20 || !connection.status().is_full {
        connection.say(&text);
        sent += 1;
    }
    connection.cork(frame("held back"));
    connection.say("last");
    connection.close(CloseCode::GoingAway, "");
    let reader = tokio::spawn(rest(client));
    while !connection.flush() {
        connection.writable().await;
    }
    drop(connection);
    let bytes = reader.await.unwrap();
    let frames = frames(&bytes);
    let texts: Vec<&[u8]> =
        frames.iter().filter(|(opcode, _)| *opcode == 1).map(|(_, payload)| *payload).collect();
    assert_eq!(texts.len(), sent + 2);
    assert!(texts[..sent].iter().all(|payload| payload.len() == 60_000));
    assert_eq!(&texts[sent..], [b"held back".as_slice(), b"last"]);
}

#[tokio::test]
async fn a_slow_consumer_is_closed_at_a_frame() {
    let (connection, client) = pair(200_000).await;
    while !connection.status().is_over {
        connection.say(&"x".repeat(60_000));
    }
    assert!(connection.outbox.lock().waiting <= 2 * 60_010, "what waited is given back");
    let reader = tokio::spawn(rest(client));
    while !connection.flush() {
        connection.writable().await;
    }
    drop(connection);
    let bytes = reader.await.unwrap();
    let (&(opcode, close), texts) =
        frames(&bytes).split_last().map(|(last, rest)| (last, rest.to_vec())).unwrap();
    assert_eq!((opcode, u16::from_be_bytes([close[0], close[1]])), (8, 4290));
    assert!(texts.iter().all(|(opcode, payload)| *opcode == 1 && payload.len() == 60_000));
}

/// A machine that was suspended: the monotonic clock has stood still meanwhile.
#[tokio::test]
async fn a_token_ends_by_the_wall_clock_too() {
    let (connection, _client) = pair(1000).await;
    let end = Expiry::after(std::time::Duration::from_secs(600)).unwrap();
    let wall = u64::from(end.unix_seconds);
    connection.expire_at(Some(end));
    connection.beat(1, 1, wall - 1);
    assert!(!connection.has_lapsed());
    connection.beat(2, 1, wall);
    assert!(connection.has_lapsed());
    connection.changed().now_or_never().expect("the connection's task is told");
    connection.expire_at(Some(Expiry { unix_seconds: end.unix_seconds + 60, ..end }));
    connection.beat(3, 1, wall);
    assert!(!connection.has_lapsed(), "a renewal counts from now on");
    connection.expire_at(None);
    connection.beat(4, 1, u64::MAX);
    assert!(!connection.has_lapsed());
}

#[tokio::test]
async fn a_silent_client_gets_pings_and_is_closed() {
    let (connection, client) = pair(1000).await;
    for beat in 1..=4 {
        assert!(!connection.status().is_over, "before beat {beat}");
        connection.beat(beat, 1, 0);
    }
    assert!(connection.status().is_over);
    drop(connection);
    let bytes = rest(client).await;
    assert_eq!(frames(&bytes)[..2], [(9, &[][..]), (9, &[][..])]);
    assert_eq!(frames(&bytes)[2].1[..2], 4408u16.to_be_bytes());
}
