//! One machine for each thread and policy, made when it is first needed.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use regorus::Value;
use regorus::rvm::RegoVM;
use regorus::rvm::vm::VmError;
use regorus::utils::limits::ExecutionTimerConfig;

use super::builtins;
use super::text::Text;

/// How many instructions go by between two looks at the clock.
const CHECKED_EVERY: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);

/// What one run may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) instructions: usize,
    pub(super) time: Duration,
}

/// A machine, and whose it is.
struct Machine {
    text: Weak<Text>,
    vm: RegoVM,
}

thread_local! {
    /// Those of this thread.
    static MACHINES: RefCell<Vec<Machine>> = const { RefCell::new(Vec::new()) };
}

/// Runs the policy on this thread's machine. An error says why nothing was decided, without a value of the head.
pub(super) fn run(text: &Arc<Text>, limits: Limits, input: Value) -> Result<Value, String> {
    let mut machine = match take(text) {
        Some(machine) => machine,
        None => Machine { text: Arc::downgrade(text), vm: made(text)? },
    };
    let vm = &mut machine.vm;
    vm.set_max_instructions(limits.instructions);
    let timer = ExecutionTimerConfig { limit: limits.time, check_interval: CHECKED_EVERY };
    vm.set_execution_timer_config(Some(timer));
    vm.set_input(input);
    builtins::begin();
    let answer = vm.execute_entry_point_by_index(0);
    vm.set_input(Value::Null);
    let line = vm.get_program().get_instruction_span(vm.get_pc()).map(|span| span.line);
    put_back(machine);
    if let Some(refused) = builtins::refused() {
        return Err(refused.to_owned());
    }
    answer.map_err(|error| message(&error, limits, line))
}

fn made(text: &Text) -> Result<RegoVM, String> {
    let program = text.program().map_err(|error| error.to_string())?;
    let mut vm = RegoVM::new();
    vm.load_program(program);
    vm.set_data(Value::new_object()).map_err(|_| "wanted no data, found some".to_owned())?;
    Ok(vm)
}

/// A machine that unwinds does not come back.
fn take(text: &Arc<Text>) -> Option<Machine> {
    let taken = MACHINES.try_with(|machines| {
        let mut machines = machines.borrow_mut();
        let at = machines.iter().position(|one| std::ptr::eq(one.text.as_ptr(), &raw const **text));
        at.map(|at| machines.swap_remove(at))
    });
    taken.ok().flatten()
}

fn put_back(machine: Machine) {
    // A thread that ends has no place for it.
    let _ = MACHINES.try_with(|machines| {
        let mut machines = machines.borrow_mut();
        if machines.len() == machines.capacity() {
            machines.retain(|one| one.text.strong_count() > 0);
        }
        machines.push(machine);
    });
}

/// What went wrong, without the values that regorus' own words have.
fn message(error: &VmError, limits: Limits, line: Option<usize>) -> String {
    let what = if let VmError::InstructionLimitExceeded { .. } = error {
        format!("wanted at most {} instructions, found more", limits.instructions)
    } else if let VmError::TimeLimitExceeded { .. } = error {
        format!("wanted at most {:?}, found more", limits.time)
    } else {
        "wanted a policy that can be evaluated, found an operation that cannot".to_owned()
    };
    match line {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}
