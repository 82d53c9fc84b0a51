//! A case: frames that are sent, in each of three ways of arriving, the frames that are received,
//! and how the connection ends.

use crate::client::{CLOSE, Client, Frame, close, server};
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;

/// Far more than any case takes; a case that hangs fails with its number.
const STUCK: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// The client closes with 1000, and so does the server.
    Clean,
    /// The server closes with this code because of the frames that were sent.
    Closed(u16),
    /// The server closes without a code.
    ClosedWithoutCode,
}

#[derive(Debug, Clone, Copy)]
enum Arriving {
    Together,
    FrameByFrame,
    ByteByByte,
}

/// The result of `done`. Panics instead of waiting for ever.
pub(crate) async fn in_time<T>(case: &str, done: impl Future<Output = T>) -> T {
    timeout(STUCK, done).await.unwrap_or_else(|_| panic!("{case}: stuck"))
}

/// The cases of one section, each on a connection of its own.
pub(crate) struct Section {
    server: SocketAddr,
}

impl Section {
    pub(crate) async fn start() -> Self {
        Self { server: server().await }
    }

    pub(crate) async fn case(&self, number: &str, sent: &[Frame], answers: &[Frame], end: End) {
        for arriving in [Arriving::Together, Arriving::FrameByFrame, Arriving::ByteByByte] {
            let case = format!("{number}, {arriving:?}");
            in_time(&case, self.run(&case, sent, answers, end, arriving)).await;
        }
    }

    async fn run(
        &self,
        case: &str,
        sent: &[Frame],
        answers: &[Frame],
        end: End,
        arriving: Arriving,
    ) {
        let mut client = Client::open(self.server).await;
        let frames: Vec<Vec<u8>> = sent.iter().map(Frame::masked).collect();
        match arriving {
            Arriving::Together => client.send(&frames.concat()).await,
            Arriving::FrameByFrame => {
                for frame in frames {
                    client.send(&frame).await;
                }
            }
            Arriving::ByteByByte => client.send_chopped(&frames.concat(), 1).await,
        }
        for expected in answers {
            let answer = client.next().await;
            assert!(answer == *expected, "{case}: {answer:?} instead of {expected:?}");
        }
        if matches!(end, End::Clean) {
            client.send_frame(&close(1000)).await;
        }
        let last = client.next().await;
        assert_eq!(last.first, CLOSE, "{case}: {last:?}");
        match end {
            End::ClosedWithoutCode => assert!(last.payload.is_empty(), "{case}: {last:?}"),
            End::Clean => assert_eq!(last.payload, 1000u16.to_be_bytes(), "{case}"),
            End::Closed(code) => {
                assert_eq!(last.payload.get(..2), Some(&code.to_be_bytes()[..]), "{case}: {last:?}")
            }
        }
        let behind = client.rest().await;
        assert!(behind.is_empty(), "{case}: {behind:?} behind the close frame");
    }
}
