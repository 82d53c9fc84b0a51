//! Section 7: which side closes, with which code, and that no frame follows the close.

use crate::{
    case::{End, Section},
    client::{CLOSE, ENDS, Frame, PING, TEXT, TEXT_BEGINS, close, frame},
};

fn with_reason(reason: impl AsRef<[u8]>) -> Frame {
    frame(CLOSE, [&1000u16.to_be_bytes(), reason.as_ref()].concat())
}

#[tokio::test]
async fn what_follows_a_close_does_not_count_7_1() {
    let section = Section::start().await;
    let hello = frame(TEXT, "Hello World!");
    section
        .case("7.1.1", std::slice::from_ref(&hello), std::slice::from_ref(&hello), End::Clean)
        .await;
    section.case("7.1.2", &[close(1000), frame(CLOSE, "")], &[], End::Closed(1000)).await;
    section.case("7.1.3", &[close(1000), frame(PING, "")], &[], End::Closed(1000)).await;
    section.case("7.1.4", &[close(1000), hello.clone()], &[], End::Closed(1000)).await;
    let sent = [frame(TEXT_BEGINS, "fragment1"), close(1000), frame(ENDS, "fragment2")];
    section.case("7.1.5", &sent, &[], End::Closed(1000)).await;
    let sent = [frame(TEXT, b"BAsd7&jh23".repeat(26_215)), hello, close(1000), frame(PING, "")];
    section.case("7.1.6", &sent, &sent[..2], End::Closed(1000)).await;
}

#[tokio::test]
async fn what_a_close_frame_may_hold_7_3_and_7_5() {
    let section = Section::start().await;
    section.case("7.3.1", &[frame(CLOSE, "")], &[], End::ClosedWithoutCode).await;
    section.case("7.3.2", &[frame(CLOSE, "a")], &[], End::Closed(1002)).await;
    section.case("7.3.3", &[close(1000)], &[], End::Closed(1000)).await;
    section.case("7.3.4", &[with_reason("Hello World!")], &[], End::Closed(1000)).await;
    section.case("7.3.5", &[with_reason("*".repeat(123))], &[], End::Closed(1000)).await;
    section.case("7.3.6", &[with_reason("*".repeat(124))], &[], End::Closed(1002)).await;
    let reason = b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited";
    section.case("7.5.1", &[with_reason(reason)], &[], End::Closed(1007)).await;
}

#[tokio::test]
async fn codes_that_may_be_sent_7_7() {
    let section = Section::start().await;
    for (i, code) in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
        .into_iter()
        .enumerate()
    {
        section
            .case(&format!("7.7.{}, {code}", i + 1), &[close(code)], &[], End::Closed(code))
            .await;
    }
    for code in [1012, 1013, 1014] {
        section
            .case(&format!("registered since: {code}"), &[close(code)], &[], End::Closed(code))
            .await;
    }
}

/// 7.13 are the last two, for which RFC 6455 does not define an answer.
#[tokio::test]
async fn codes_that_must_not_be_sent_7_9_and_7_13() {
    let section = Section::start().await;
    for (i, code) in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].into_iter().enumerate() {
        section
            .case(&format!("7.9.{}, {code}", i + 1), &[close(code)], &[], End::Closed(1002))
            .await;
    }
    for (number, code) in [("TLS's", 1015), ("7.13.1", 5000), ("7.13.2", 65_535)] {
        section.case(number, &[close(code)], &[], End::Closed(1002)).await;
    }
}
