//! Section 4: opcodes that RFC 6455 reserves end the connection. Earlier frames are answered.

use crate::{
    case::{End, Section},
    client::{PING, TEXT, frame},
};

#[tokio::test]
async fn reserved_opcodes() {
    let section = Section::start().await;
    let hello = frame(TEXT, "Hello, world!");
    for (group, opcode) in [("4.1", 0x83), ("4.2", 0x8B)] {
        section.case(&format!("{group}.1"), &[frame(opcode, "")], &[], End::Closed(1002)).await;
        section
            .case(
                &format!("{group}.2"),
                &[frame(opcode + 1, "reserved opcode payload")],
                &[],
                End::Closed(1002),
            )
            .await;
        for (number, payload) in [(3, ""), (4, "Hello, world!"), (5, "Hello, world!")] {
            let sent = [hello.clone(), frame(opcode + number - 1, payload), frame(PING, "")];
            section.case(&format!("{group}.{number}"), &sent, &sent[..1], End::Closed(1002)).await;
        }
    }
}
