//! Section 10: a message that the client's library fragments by itself.

use crate::{
    case::{End, Section},
    client::{TEXT, TEXT_BEGINS, fragments, frame},
};

#[tokio::test]
async fn every_1300_bytes_10_1_1() {
    let sent = fragments(TEXT_BEGINS, &[b'*'; 65_536], 1300);
    assert_eq!(sent.len(), 51);
    Section::start().await.case("10.1.1", &sent, &[frame(TEXT, [b'*'; 65_536])], End::Clean).await;
}
