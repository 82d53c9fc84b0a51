//! Section 5: messages in fragments, with control frames between them, and fragments out of place.

use crate::{
    case::{End, Section},
    client::{CONTINUES, Client, ENDS, Frame, PING, PONG, TEXT, TEXT_BEGINS, close, frame, server},
};

#[tokio::test]
async fn in_place() {
    let section = Section::start().await;
    let (begins, ends) = (frame(TEXT_BEGINS, "fragment1"), frame(ENDS, "fragment2"));
    let whole = frame(TEXT, "fragment1fragment2");
    section
        .case(
            "5.3 to 5.5",
            &[begins.clone(), ends.clone()],
            std::slice::from_ref(&whole),
            End::Clean,
        )
        .await;
    let sent = [begins, frame(PING, "ping payload"), ends];
    section.case("5.6 to 5.8", &sent, &[frame(PONG, "ping payload"), whole], End::Clean).await;
}

fn twice(frames: [Frame; 3]) -> Vec<Frame> {
    [frames.clone(), frames].concat()
}

#[tokio::test]
async fn out_of_place() {
    let section = Section::start().await;
    let text = frame(TEXT, "Hello, world!");
    let stray = "non-continuation payload";
    let cases = [
        ("5.1", vec![frame(PING & 0x0F, "fragment1"), frame(ENDS, "fragment2")]),
        ("5.2", vec![frame(PONG & 0x0F, "fragment1"), frame(ENDS, "fragment2")]),
        ("5.9 to 5.11", vec![frame(ENDS, stray), text.clone()]),
        ("5.12 to 5.14", vec![frame(CONTINUES, stray), text]),
        (
            "5.16",
            twice([
                frame(CONTINUES, "fragment1"),
                frame(TEXT_BEGINS, "fragment2"),
                frame(ENDS, "fragment3"),
            ]),
        ),
        (
            "5.17",
            twice([
                frame(ENDS, "fragment1"),
                frame(TEXT_BEGINS, "fragment2"),
                frame(ENDS, "fragment3"),
            ]),
        ),
        ("5.18", vec![frame(TEXT_BEGINS, "fragment1"), frame(TEXT, "fragment2")]),
    ];
    for (number, sent) in cases {
        section.case(number, &sent, &[], End::Closed(1002)).await;
    }
    let sent = [
        frame(TEXT_BEGINS, "fragment1"),
        frame(ENDS, "fragment2"),
        frame(CONTINUES, "fragment3"),
        frame(TEXT, "fragment4"),
    ];
    section.case("5.15", &sent, &[frame(TEXT, "fragment1fragment2")], End::Closed(1002)).await;
}

/// 5.19 and 5.20: a ping is answered at once, not together with the message around it.
#[tokio::test]
async fn pongs_do_not_wait_for_the_last_fragment() {
    let mut client = Client::open(server().await).await;
    let parts = [
        vec![
            frame(TEXT_BEGINS, "fragment1"),
            frame(CONTINUES, "fragment2"),
            frame(PING, "pongme 1!"),
        ],
        vec![
            frame(CONTINUES, "fragment3"),
            frame(CONTINUES, "fragment4"),
            frame(PING, "pongme 2!"),
        ],
    ];
    for part in parts {
        for frame in &part {
            client.send_frame(frame).await;
        }
        assert_eq!(client.next().await, frame(PONG, &part[2].payload));
    }
    client.send_frame(&frame(ENDS, "fragment5")).await;
    assert_eq!(client.next().await, frame(TEXT, "fragment1fragment2fragment3fragment4fragment5"));
    client.send_frame(&close(1000)).await;
    assert_eq!(client.next().await, close(1000));
    assert!(client.rest().await.is_empty());
}
