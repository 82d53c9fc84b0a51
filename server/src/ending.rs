//! The end of something that is under way, for those who wait for it: first come, first served, so
//! that their order does not depend on chance.

use tokio_util::sync::CancellationToken;

/// Something under way. Dropped, it has ended.
#[derive(Debug, Default)]
pub struct UnderWay(CancellationToken);

/// Waits for the end of it.
#[derive(Debug, Clone)]
pub struct Ending(CancellationToken);

impl UnderWay {
    /// For somebody who waits.
    #[must_use]
    pub fn ending(&self) -> Ending {
        Ending(self.0.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Ending {
    /// Until it has ended. Cancel-safe.
    pub async fn come(self) {
        self.0.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn the_end_comes_with_the_drop_and_stays() {
        let under_way = UnderWay::default();
        let ending = under_way.ending();
        assert!(ending.clone().come().now_or_never().is_none());
        drop(under_way);
        assert!(
            ending.clone().come().now_or_never().is_some()
                && ending.come().now_or_never().is_some()
        );
    }
}
