//! What a named layer's two sides look at, and how they know of each other.

use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};

use super::route::route;
use crate::head::{Head, Told};
use crate::ledger::{LayerName, Story};

/// One side of one call of a named layer.
pub(crate) struct Probe {
    head: Head,
    call: Call,
    side: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Inside,
    Outside,
}

/// One call of a named layer, as its two sides know it; it is in the request's extensions.
#[derive(Clone)]
struct Call {
    name: LayerName,
    /// The story of the response that the layer was given last.
    given: Arc<Mutex<Option<Told>>>,
}

impl Probe {
    /// The outer side, if somebody watches this request's head.
    pub(crate) fn outside<B>(request: &mut Request<B>, name: &LayerName) -> Option<Self> {
        let head = request.extensions().get::<Head>()?.watched(|| route(request.extensions()))?;
        let call = Call { name: name.clone(), given: Arc::default() };
        request.extensions_mut().insert(call.clone());
        Some(Self { head, call, side: Side::Outside })
    }

    /// The inner side. A layer that hides the request's extensions hides this call, too.
    pub(crate) fn inside<B>(request: &Request<B>, name: &LayerName) -> Option<Self> {
        let head = request.extensions().get::<Head>()?.watched(|| route(request.extensions()))?;
        let call = request.extensions().get::<Call>().filter(|call| call.name.is(name))?.clone();
        Some(Self { head, call, side: Side::Inside })
    }

    /// Looks at a response as it passes.
    pub(crate) fn look<B>(&self, response: &mut Response<B>) {
        match self.side {
            Side::Inside => self.enter(response),
            Side::Outside => self.leave(response),
        }
    }

    /// The layer is given a response.
    fn enter<B>(&self, response: &mut Response<B>) {
        let (status, secrets) = (response.status(), self.head.secrets());
        let told = match self.told(response) {
            Some(told) => {
                told.with(|story| story.between(status, response.headers()));
                told
            }
            None => self.tell(response, Story::begin(status, response.headers(), secrets)),
        };
        let before = self.call.given.lock().unwrap_or_else(PoisonError::into_inner).replace(told);
        // What it was given before was nobody's response; its values are dropped after the lock.
        drop(before);
    }

    /// The layer hands a response on.
    fn leave<B>(&self, response: &mut Response<B>) {
        let given = self.call.given.lock().unwrap_or_else(PoisonError::into_inner).take();
        let status = response.status();
        if let Some(told) = self.told(response) {
            told.with(|story| story.leave(&self.call.name, status, response.headers()));
            return;
        }
        let given = given.map(|given| given.with(|story| story.told()));
        let fields = response.headers();
        let story = match given {
            // It only took the extensions out.
            Some(mut story) if story.is_within(fields) => {
                story.leave(&self.call.name, status, fields);
                story
            }
            given => Story::answered(&self.call.name, status, fields, self.head.secrets(), given),
        };
        self.tell(response, story);
    }

    /// The story that the response has with it, if it is one of this exchange: a layer may have
    /// kept a response of another one.
    fn told<B>(&self, response: &Response<B>) -> Option<Told> {
        let told = response.extensions().get::<Told>()?;
        told.is_of(&self.head).then(|| told.clone())
    }

    /// Gives the response its story.
    fn tell<B>(&self, response: &mut Response<B>, story: Story) -> Told {
        let told = Told::new(&self.head, story);
        response.extensions_mut().insert(told.clone());
        told
    }
}
