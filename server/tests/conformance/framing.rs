//! Section 1: messages with every encoding of the length.

use crate::{
    case::{End, Section},
    client::{BINARY, Client, TEXT, close, frame, server},
};

const LENGTHS: [usize; 7] = [0, 125, 126, 127, 128, 65_535, 65_536];

#[tokio::test]
async fn text_1_1_and_binary_1_2() {
    let section = Section::start().await;
    for (opcode, group, fill) in [(TEXT, "1.1", b'*'), (BINARY, "1.2", 0xFE)] {
        for (i, len) in LENGTHS.into_iter().enumerate() {
            let message = [frame(opcode, vec![fill; len])];
            section.case(&format!("{group}.{}", i + 1), &message, &message, End::Clean).await;
        }
    }
}

/// 1.1.8 and 1.2.8.
#[tokio::test]
async fn in_pieces_of_997_bytes() {
    let server = server().await;
    for message in [frame(TEXT, [b'*'; 65_536]), frame(BINARY, [0xFE; 65_536])] {
        let mut client = Client::open(server).await;
        client.send_chopped(&message.masked(), 997).await;
        assert!(client.next().await == message);
        client.send_frame(&close(1000)).await;
        assert_eq!(client.next().await, close(1000));
        assert!(client.rest().await.is_empty());
    }
}
