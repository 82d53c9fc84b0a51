//! Section 6: text is UTF-8, and an invalid text is refused as soon as it is known to be invalid.

use crate::{
    case::{End, Section, in_time},
    client::{
        CONTINUES, Client, ENDS, Frame, PING, PONG, TEXT, TEXT_BEGINS, fragments, frame, server,
    },
};

/// "κόσμε".
const KOSME: &[u8] = b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";
const MIXED: &str = "Hello-µ@ßöäüàá-UTF-8!!";

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[tokio::test]
async fn empty_and_cut_6_1_and_6_2() {
    let section = Section::start().await;
    let three = |middle: &str| [frame(TEXT_BEGINS, ""), frame(CONTINUES, middle), frame(ENDS, "")];
    let (first, last) = MIXED.split_at("Hello-µ@ßöä".len());
    let cases: [(&str, Vec<Frame>, &[u8]); 7] = [
        ("6.1.1", vec![frame(TEXT, "")], b""),
        ("6.1.2", three("").into(), b""),
        ("6.1.3", three("middle frame payload").into(), b"middle frame payload"),
        ("6.2.1", vec![frame(TEXT, MIXED)], MIXED.as_bytes()),
        ("6.2.2", vec![frame(TEXT_BEGINS, first), frame(ENDS, last)], MIXED.as_bytes()),
        ("6.2.3", fragments(TEXT_BEGINS, MIXED.as_bytes(), 1), MIXED.as_bytes()),
        ("6.2.4", fragments(TEXT_BEGINS, KOSME, 1), KOSME),
    ];
    for (number, sent, echo) in cases {
        section.case(number, &sent, &[frame(TEXT, echo)], End::Clean).await;
    }
}

#[tokio::test]
async fn wrong_6_3() {
    let section = Section::start().await;
    let wrong = [KOSME, b"\xED\xA0\x80edited"].concat();
    section.case("6.3.1", &[frame(TEXT, &wrong)], &[], End::Closed(1007)).await;
    section.case("6.3.2", &fragments(TEXT_BEGINS, &wrong, 1), &[], End::Closed(1007)).await;
}

/// The first bytes are valid, the next ones are not. The rest is never sent: the text is refused
/// without it.
async fn refused_early(client: &mut Client) {
    let close = in_time("6.4", client.next()).await;
    assert_eq!((close.first, &close.payload[..2]), (0x88, &1007u16.to_be_bytes()[..]));
}

/// 6.4.1 and 6.4.2.
#[tokio::test]
async fn wrong_text_is_refused_before_the_last_fragment() {
    let server = server().await;
    for (right, wrong) in
        [(KOSME.to_vec(), &b"\xF4\x90\x80\x80"[..]), ([KOSME, b"\xF4"].concat(), b"\x90")]
    {
        let mut client = Client::open(server).await;
        client.send_frame(&frame(TEXT_BEGINS, &right)).await;
        client.send_frame(&frame(PING, "still there?")).await;
        assert_eq!(client.next().await, frame(PONG, "still there?"));
        client.send_frame(&frame(CONTINUES, wrong)).await;
        refused_early(&mut client).await;
        assert!(client.rest().await.is_empty());
    }
}

/// 6.4.3 and 6.4.4. Twelve bytes are valid, the thirteenth is not; without it the server still
/// waits for the rest of the frame.
#[tokio::test]
async fn wrong_text_is_refused_before_the_frame_ends() {
    let server = server().await;
    let text = [KOSME, b"\xF4\x90\x80\x80edited"].concat();
    let sent = frame(TEXT, &text).masked();
    let header = sent.len() - text.len();
    for pieces in [[11, 15], [12, 13]] {
        let mut client = Client::open(server).await;
        let mut at = 0;
        for end in pieces {
            client.send(&sent[at..header + end]).await;
            at = header + end;
        }
        refused_early(&mut client).await;
        assert!(client.rest().await.is_empty());
    }
    let right = [KOSME, b"\xF4\x8F\x80\x80edited"].concat();
    Section::start()
        .await
        .case(
            "6.4, the nearest right text",
            &[frame(TEXT, &right)],
            &[frame(TEXT, &right)],
            End::Clean,
        )
        .await;
}

#[tokio::test]
async fn valid_and_wrong_sequences_6_5_to_6_23() {
    let section = Section::start().await;
    let mut cases = 0;
    for line in include_str!("utf8.txt").lines().filter(|line| !line.starts_with('#')) {
        let [number, kind, hex] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let sent = [frame(TEXT, bytes(hex))];
        match kind {
            "valid" => section.case(number, &sent, &sent, End::Clean).await,
            _ => section.case(number, &sent, &[], End::Closed(1007)).await,
        }
        cases += 1;
    }
    assert_eq!(cases, 132);
}
