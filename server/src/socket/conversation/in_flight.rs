//! Publishes of one client that wait for the backbone, so that their answers come in their order.
//! At rest it holds nothing.

use futures_util::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream::FuturesOrdered,
};
use std::task::{Context, Poll, ready};

#[derive(Default)]
pub(super) struct InFlight(Option<Box<FuturesOrdered<BoxFuture<'static, Vec<u8>>>>>);

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| waiting.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The next publish, whose answer is known later.
    pub(super) fn push(&mut self, answer: impl Future<Output = Vec<u8>> + Send + 'static) {
        self.0.get_or_insert_default().push_back(answer.boxed());
    }

    /// The next publish, whose answer is known but has to wait for those in front.
    pub(super) fn push_known(&mut self, answer: Vec<u8>) {
        self.push(future::ready(answer));
    }

    /// The answers that are due, in their order. Pending if none is due.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        let Some(waiting) = &mut self.0 else { return Poll::Pending };
        let mut answers = ready!(waiting.poll_next_unpin(cx)).unwrap_or_default();
        while let Poll::Ready(Some(more)) = waiting.poll_next_unpin(cx) {
            answers.extend(more);
        }
        if waiting.is_empty() {
            self.0 = None;
        }
        Poll::Ready(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_publishes() {
        let mut in_flight = InFlight::default();
        let (first, second) = (oneshot::channel(), oneshot::channel());
        in_flight.push(first.1.map(Result::unwrap));
        in_flight.push(second.1.map(Result::unwrap));
        in_flight.push_known(b"3".to_vec());
        assert_eq!(in_flight.len(), 3);
        second.0.send(b"2".to_vec()).unwrap();
        assert!(poll_fn(|cx| in_flight.poll_due(cx)).now_or_never().is_none());
        first.0.send(b"1".to_vec()).unwrap();
        assert_eq!(poll_fn(|cx| in_flight.poll_due(cx)).await, b"123");
        assert!(in_flight.is_empty());
    }
}
