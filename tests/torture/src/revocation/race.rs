//! Callers on threads of their own, against one who takes away and gives again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_ground::Signer;

use super::case::{Ask, Case, Step};
use super::ways::Way;
use super::world::World;
use crate::house;
use crate::late_reader;
use crate::random::Random;
use crate::run::{Counts, demand};
use crate::speak::{REGION, refusal};

/// Threads that call.
const CALLERS: u64 = 3;
/// How often a case is taken and given, at least; and how many times more, by chance.
const ROUNDS: (usize, usize) = (2, 5);
/// How many calls must begin and end between a change and the next one, at most.
const MOST_CALLS: usize = 16;
/// Of how many reads of a caller one comes late.
const LATE_ONE_IN: u64 = 4;
/// Callers who make no call for so long hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the callers must hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Given,
    Taken,
    /// A change is under way: either.
    Amid,
}

/// What calls are made with.
struct Calls {
    signer: Signer,
    asks: Vec<Ask>,
}

/// What all threads see.
struct Shared {
    phase: Phase,
    /// Counts the phases, so that two of a kind are told apart.
    number: u64,
    calls: Arc<Calls>,
    /// Calls that began and ended in this phase.
    whole: usize,
    over: bool,
    fault: Option<String>,
    counts: [u64; 3],
}

struct Race<'r> {
    world: &'r World,
    way: &'r Way,
    shared: Mutex<Shared>,
    called: Condvar,
}

pub(super) fn run(
    world: &World,
    mut case: Case<'_>,
    random: &mut Random,
    counts: &mut Counts,
) -> Result<(), String> {
    let calls = Arc::new(Calls { signer: case.caller(), asks: case.asks(world)? });
    let shared = Shared {
        phase: Phase::Given,
        number: 0,
        calls,
        whole: 0,
        over: false,
        fault: None,
        counts: [0; 3],
    };
    let way = case.way;
    let race = Race { world, way, shared: Mutex::new(shared), called: Condvar::new() };
    let seeds: Vec<u64> = (0..CALLERS).map(|_| random.next()).collect();
    let outcome = std::thread::scope(|scope| {
        for seed in seeds {
            let race = &race;
            scope.spawn(move || race.call(seed));
        }
        let outcome = race.take_and_give(&mut case, random);
        race.lock().over = true;
        outcome
    });
    let shared = race.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(fault) = shared.fault {
        return Err(fault);
    }
    outcome?;
    let [given, taken, amid] = shared.counts;
    counts.add("calls after it was taken", taken);
    counts.add("calls after it was given", given);
    counts.add("calls amid it", amid);
    Ok(())
}

impl Race<'_> {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_and_give(&self, case: &mut Case<'_>, random: &mut Random) -> Result<(), String> {
        self.watch(random)?;
        for _ in 0..ROUNDS.0 + random.below(ROUNDS.1) {
            self.change(case, self.way.take, Phase::Taken)?;
            self.watch(random)?;
            self.change(case, self.way.give, Phase::Given)?;
            self.watch(random)?;
        }
        Ok(())
    }

    /// Makes the calls that lead to a phase. It begins when the last of them has answered.
    fn change(&self, case: &mut Case<'_>, steps: &[Step], phase: Phase) -> Result<(), String> {
        self.enter(Phase::Amid, None);
        for step in steps {
            case.run(self.world, step)?;
        }
        let calls = Calls { signer: case.caller(), asks: case.asks(self.world)? };
        self.enter(phase, Some(calls));
        Ok(())
    }

    fn enter(&self, phase: Phase, calls: Option<Calls>) {
        let mut shared = self.lock();
        shared.phase = phase;
        shared.number += 1;
        shared.whole = 0;
        if let Some(calls) = calls {
            shared.calls = Arc::new(calls);
        }
    }

    /// Lets the callers make some calls.
    fn watch(&self, random: &mut Random) -> Result<(), String> {
        let enough = 1 + random.below(MOST_CALLS);
        let waiting = |shared: &mut Shared| shared.whole < enough && shared.fault.is_none();
        let waited = self.called.wait_timeout_while(self.lock(), PATIENCE, waiting);
        let (shared, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        demand(!timed_out.timed_out(), || "no call comes to its end".to_owned())?;
        shared.fault.clone().map_or(Ok(()), Err)
    }

    /// A caller: calls until it is over.
    fn call(&self, seed: u64) {
        let mut random = Random::new(seed);
        late_reader::be_late(LATE_ONE_IN);
        let runtime = match house::runtime() {
            Ok(runtime) => runtime,
            Err(error) => return self.fail(error),
        };
        loop {
            let (calls, phase, number) = {
                let shared = self.lock();
                if shared.over || shared.fault.is_some() {
                    return;
                }
                (Arc::clone(&shared.calls), shared.phase, shared.number)
            };
            let Some(ask) = random.pick(&calls.asks) else { return self.fail("no call".into()) };
            let house = &self.world.house;
            let Ask { service, operation, body } = ask;
            let reply = house
                .start(&calls.signer, service, operation, REGION, body.clone())
                .and_then(|call| runtime.block_on(call));
            match reply {
                Ok(reply) => self.heard(phase, number, operation, &refusal(&reply)),
                Err(error) => return self.fail(error),
            }
        }
    }

    /// Notes what a call answered that began in this phase.
    fn heard(&self, phase: Phase, number: u64, operation: &str, (code, text): &(String, String)) {
        let mut shared = self.lock();
        let phase = if shared.number == number { phase } else { Phase::Amid };
        let refused = self.way.refused.contains(&code.as_str());
        let right = match phase {
            Phase::Given => code.is_empty(),
            Phase::Taken => refused,
            Phase::Amid => true,
        };
        if !right {
            let fault = format!("{operation} when it was {phase:?} answered {code:?} {text}");
            shared.fault.get_or_insert(fault);
        }
        let [given, taken, amid] = &mut shared.counts;
        *match phase {
            Phase::Given => given,
            Phase::Taken => taken,
            Phase::Amid => amid,
        } += 1;
        if phase != Phase::Amid {
            shared.whole += 1;
        }
        drop(shared);
        self.called.notify_all();
    }

    fn fail(&self, error: String) {
        self.lock().fault.get_or_insert(error);
        self.called.notify_all();
    }
}
