//! Section 3: a reserved bit that no extension defines ends the connection. Earlier frames are
//! answered.

use crate::{
    case::{End, Section},
    client::{BINARY, CLOSE, PING, TEXT, frame},
};

#[tokio::test]
async fn reserved_bits() {
    let section = Section::start().await;
    let hello = frame(TEXT, "Hello, world!");
    section.case("3.1", &[frame(TEXT | 0x10, "Hello, world!")], &[], End::Closed(1002)).await;
    for (number, bits) in [("3.2", 0x20), ("3.3", 0x30), ("3.4", 0x40)] {
        let sent = [hello.clone(), frame(TEXT | bits, "Hello, world!"), frame(PING, "")];
        section.case(number, &sent, &sent[..1], End::Closed(1002)).await;
    }
    section
        .case(
            "3.5",
            &[frame(BINARY | 0x50, b"\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF")],
            &[],
            End::Closed(1002),
        )
        .await;
    section.case("3.6", &[frame(PING | 0x60, "Hello, world!")], &[], End::Closed(1002)).await;
    section.case("3.7", &[frame(CLOSE | 0x70, "")], &[], End::Closed(1002)).await;
}
