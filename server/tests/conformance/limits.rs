//! Section 9: large messages, in pieces of any size. In addition to the suite's cases, inputs that
//! would hold up a server that copies too often or waits at the wrong place; the tests do not
//! measure time, but quadratic work would not end in time.

use crate::{
    client::{
        BINARY, BINARY_BEGINS, CLOSE, Client, Frame, TEXT, TEXT_BEGINS, close, fragments, frame,
        server,
    },
    echo::MAX_MESSAGE,
};
use socket2::SockRef;
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;

/// Characters of every length, so that pieces end inside of them.
fn text(len: usize) -> Frame {
    let mut text = "BAsd7&jh23 äöü € 🦀 ".repeat(len / 27 + 1).into_bytes();
    text.truncate(len);
    while str::from_utf8(&text).is_err() {
        text.pop();
    }
    text.resize(len, b'.');
    frame(TEXT, text)
}

fn binary(len: usize) -> Frame {
    frame(BINARY, b"\x00\xFE\x23\xFA\xF0".repeat(len / 5 + 1).split_at(len).0)
}

impl Client {
    async fn is_echoed(&mut self, number: &str, message: &Frame) {
        let echo = self.next().await;
        assert!(
            echo == *message,
            "{number}: {} bytes with {:x} came back",
            echo.payload.len(),
            echo.first
        );
    }

    async fn closes_with(mut self, code: u16) {
        let last = self.next().await;
        assert_eq!((last.first, last.payload.get(..2)), (CLOSE, Some(&code.to_be_bytes()[..])));
        assert!(self.rest().await.is_empty());
    }

    async fn closes(mut self) {
        self.send_frame(&close(1000)).await;
        self.closes_with(1000).await;
    }
}

#[tokio::test]
async fn large_messages_9_1_and_9_2() {
    let server = server().await;
    for (i, len) in [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].into_iter().enumerate() {
        for (group, message) in [("9.1", text(len)), ("9.2", binary(len))] {
            let mut client = Client::open(server).await;
            client.send_frame(&message).await;
            client.is_echoed(&format!("{group}.{}", i + 1), &message).await;
            client.closes().await;
        }
    }
}

#[tokio::test]
async fn in_fragments_9_3_and_9_4() {
    let server = server().await;
    let (text, binary) = (text(4 * MIB), binary(4 * MIB));
    for (i, size) in
        [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].into_iter().enumerate()
    {
        for (group, begins, message) in
            [("9.3", TEXT_BEGINS, &text), ("9.4", BINARY_BEGINS, &binary)]
        {
            let mut client = Client::open(server).await;
            for fragment in fragments(begins, &message.payload, size) {
                client.send_frame(&fragment).await;
            }
            client.is_echoed(&format!("{group}.{}", i + 1), message).await;
            client.closes().await;
        }
    }
}

#[tokio::test]
async fn in_small_pieces_9_5_and_9_6() {
    let server = server().await;
    for (i, size) in [64, 128, 256, 512, KIB, 2 * KIB].into_iter().enumerate() {
        for (group, message) in [("9.5", text(MIB)), ("9.6", binary(MIB))] {
            let mut client = Client::open(server).await;
            client.send_chopped(&message.masked(), size).await;
            client.is_echoed(&format!("{group}.{}", i + 1), &message).await;
            client.closes().await;
        }
    }
}

#[tokio::test]
async fn the_largest_message_in_small_pieces() {
    let mut client = Client::open(server().await).await;
    let message = text(MAX_MESSAGE);
    client.send_chopped(&message.masked(), 2 * KIB).await;
    client.is_echoed("16 MiB in pieces of 2 KiB", &message).await;
    client.closes().await;
}

#[tokio::test]
async fn there_and_back_9_7_and_9_8() {
    let server = server().await;
    for (i, len) in [0, 16, 64, 256, KIB, 4 * KIB].into_iter().enumerate() {
        for (group, message) in [("9.7", text(len)), ("9.8", binary(len))] {
            let mut client = Client::open(server).await;
            for _ in 0..1000 {
                client.send_frame(&message).await;
                client.is_echoed(&format!("{group}.{}", i + 1), &message).await;
            }
            client.closes().await;
        }
    }
}

#[tokio::test]
async fn too_large() {
    let server = server().await;
    let mut whole = Client::open(server).await;
    whole.send_frame(&binary(MAX_MESSAGE + 1)).await;
    whole.closes_with(1009).await;
    let mut announced = Client::open(server).await;
    announced.send(&[&[0x82, 0xFF, 0x7F][..], &[0xFF; 7], &[0; 4]].concat()).await;
    announced.closes_with(1009).await;
    let mut in_fragments = Client::open(server).await;
    for fragment in fragments(BINARY_BEGINS, &vec![0; MAX_MESSAGE + 1], MIB) {
        in_fragments.send_frame(&fragment).await;
    }
    in_fragments.closes_with(1009).await;
}

/// The client sends all messages before its first read: the server must continue to read while it
/// cannot write.
#[tokio::test]
async fn a_client_that_sends_all_before_it_reads() {
    let mut client = Client::open(server().await).await;
    let (large, small) = (binary(MAX_MESSAGE), text(100));
    client.send_frame(&large).await;
    for _ in 0..1000 {
        client.send_frame(&small).await;
    }
    client.send_frame(&frame(BINARY | 0x10, [0; 100])).await;
    client.send_frame(&large).await;
    client.is_echoed("the large one", &large).await;
    for _ in 0..1000 {
        client.is_echoed("a small one", &small).await;
    }
    client.closes_with(1002).await;
}

/// Clients disconnect in the middle of a header, of a payload, of an answer, with and without a
/// reset: others are not affected.
#[tokio::test]
async fn clients_that_go_away() {
    let server = server().await;
    let message = text(MIB);
    let mut steady = Client::open(server).await;
    for reset in [false, true] {
        for sent in [0, 1, 5, 100_000, message.masked().len()] {
            let mut client = Client::open(server).await;
            client.send(&message.masked()[..sent]).await;
            if reset {
                SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(client);
            steady.send_frame(&message).await;
            steady.is_echoed("beside one that goes away", &message).await;
        }
    }
    steady.closes().await;
}

/// A client that ends its side of the connection without a close frame still gets its answers.
#[tokio::test]
async fn a_client_that_only_reads_on() {
    use tokio::io::AsyncWriteExt;
    let mut client = Client::open(server().await).await;
    let message = binary(4 * MIB);
    client.send_frame(&message).await;
    client.stream.shutdown().await.unwrap();
    client.is_echoed("after its end", &message).await;
    assert!(client.rest().await.is_empty());
}
