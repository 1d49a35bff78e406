//! An event bus that does as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use batch_canceller::outlet::{Event, Message, Outlet, OutletError};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::sleep;

#[derive(Debug, Clone, Default)]
pub(crate) struct Bus(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// How many events each call had.
    calls: Vec<usize>,
    taken: Vec<(String, Event)>,
    /// How many of the next events are not taken, one a call.
    throttled: usize,
    is_down: bool,
    latency: Duration,
}

impl Bus {
    /// Does not take the first event of each of the next calls.
    pub(crate) fn throttle(&self, calls: usize) {
        self.0.lock().unwrap().throttled = calls;
    }

    pub(crate) fn go_down(&self) {
        self.0.lock().unwrap().is_down = true;
    }

    pub(crate) fn slow_down(&self, latency: Duration) {
        self.0.lock().unwrap().latency = latency;
    }

    pub(crate) fn calls(&self) -> Vec<usize> {
        self.0.lock().unwrap().calls.clone()
    }

    /// The events that were taken, each with the bus that it was for.
    pub(crate) fn events(&self) -> Vec<(String, Event)> {
        self.0.lock().unwrap().taken.clone()
    }

    pub(crate) fn details(&self) -> Vec<Value> {
        self.events().iter().map(|(_, event)| serde_json::from_str(&event.detail).unwrap()).collect()
    }
}

impl Outlet for Bus {
    fn send<'a>(&'a self, _: &'a Message<'a>) -> BoxFuture<'a, Result<String, OutletError>> {
        Box::pin(async { Err(OutletError { message: "no such queue".into(), is_passing: false }) })
    }

    fn publish<'a>(
        &'a self,
        bus: &'a str,
        events: &'a [Event],
    ) -> BoxFuture<'a, Result<Vec<Option<OutletError>>, OutletError>> {
        Box::pin(async move {
            let latency = {
                let mut state = self.0.lock().unwrap();
                state.calls.push(events.len());
                state.latency
            };
            sleep(latency).await;
            let mut state = self.0.lock().unwrap();
            let error = || OutletError { message: "the bus is not well".into(), is_passing: true };
            if state.is_down {
                return Err(error());
            }
            let fails = state.throttled > 0;
            state.throttled = state.throttled.saturating_sub(1);
            let entries: Vec<_> = (0..events.len()).map(|place| (fails && place == 0).then(error)).collect();
            let taken = events.iter().zip(&entries).filter(|(_, error)| error.is_none());
            state.taken.extend(taken.map(|(event, _)| (bus.to_owned(), event.clone())));
            Ok(entries)
        })
    }
}
