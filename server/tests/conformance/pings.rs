//! Section 2: pings are answered, pongs are not.

use crate::{
    case::{End, Section},
    client::{PING, PONG, frame},
};

#[tokio::test]
async fn pings_and_pongs() {
    let section = Section::start().await;
    let answered = [
        ("2.1", vec![]),
        ("2.2", b"Hello, world!".to_vec()),
        ("2.3", b"\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF".to_vec()),
        ("2.4 and 2.6", vec![0xFE; 125]),
    ];
    for (number, payload) in answered {
        section.case(number, &[frame(PING, &payload)], &[frame(PONG, &payload)], End::Clean).await;
    }
    section.case("2.5", &[frame(PING, [0xFE; 126])], &[], End::Closed(1002)).await;
    section.case("2.7", &[frame(PONG, "")], &[], End::Clean).await;
    let unsolicited = frame(PONG, "unsolicited pong payload");
    section.case("2.8", std::slice::from_ref(&unsolicited), &[], End::Clean).await;
    section
        .case(
            "2.9",
            &[unsolicited, frame(PING, "ping payload")],
            &[frame(PONG, "ping payload")],
            End::Clean,
        )
        .await;
    let ten = |first| (0..10).map(|i| frame(first, format!("payload-{i}"))).collect::<Vec<_>>();
    section.case("2.10 and 2.11", &ten(PING), &ten(PONG), End::Clean).await;
}
