//! The text of a policy, and the program that each thread makes of it.

use std::sync::Arc;

use regorus::Engine;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::Instruction;
use regorus::rvm::program::{Program, RuleType};

use super::builtins;
use super::error::RegoError;

/// A policy as it was given.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) file: String,
    pub(super) content: String,
    /// The form before Rego 1.0: `deny[msg] { .. }`.
    pub(super) is_v0: bool,
}

impl Text {
    /// The program, whose one entry point is the rule `deny`. It shares nothing with one that was made before:
    /// reference counts that several threads change cost more than the program does.
    pub(super) fn program(&self) -> Result<Arc<Program>, RegoError> {
        let mut engine = Engine::new();
        engine.set_rego_v0(self.is_v0);
        let added = engine.add_policy(self.file.clone(), self.content.clone());
        let package = added.map_err(|error| self.report(&error))?;
        let entry: Arc<str> = Arc::from(format!("{package}.deny"));
        if !engine.has_declared_rule_rooted_at(&self.file, "deny").is_ok_and(|is_there| is_there) {
            return Err(RegoError::new(&self.file, None, self.wanted_deny("found none")));
        }
        let policy = engine.compile_with_entrypoint(&entry).map_err(|error| self.report(&error))?;
        let compiled = Compiler::compile_from_policy(&policy, &[&entry]);
        let mut program = compiled.map_err(|error| self.report(&error))?;
        self.check(&program, &entry)?;
        builtins::guard(Arc::make_mut(&mut program));
        Ok(program)
    }

    fn report(&self, error: &dyn std::fmt::Display) -> RegoError {
        RegoError::of_report(&self.file, &error.to_string())
    }

    fn wanted_deny(&self, found: &str) -> String {
        let form = if self.is_v0 { "deny[msg] { .. }" } else { "deny contains msg if { .. }" };
        format!("wanted a rule `{form}`, {found}")
    }

    /// Refuses what the policy may not call, and a `deny` that is no set.
    fn check(&self, program: &Program, entry: &str) -> Result<(), RegoError> {
        let lines = program.instructions.iter().zip(&program.instruction_spans);
        for (instruction, span) in lines {
            let line = span.as_ref().and_then(|span| u32::try_from(span.line).ok());
            let refuse = |name: &str| {
                let found =
                    format!("wanted a builtin of those that the guide lists, found `{name}`");
                Err(RegoError::new(&self.file, line, found))
            };
            if let Instruction::HostAwait { .. } = instruction {
                return refuse("__builtin_host_await");
            }
            if let Instruction::BuiltinCall { params_index } = instruction {
                let calls = &program.instruction_data.builtin_call_params;
                let call = calls.get(usize::from(*params_index));
                let info = call.and_then(|call| program.get_builtin_info(call.builtin_index));
                let name = info.map_or("(none)", |info| info.name.as_str());
                if !builtins::is_allowed(name) {
                    return refuse(name);
                }
            }
        }
        // Whatever calls them.
        let mut names = program.builtin_info_table.iter().map(|info| info.name.as_str());
        if let Some(name) = names.find(|name| !builtins::is_allowed(name)) {
            let found = format!("wanted a builtin of those that the guide lists, found `{name}`");
            return Err(RegoError::new(&self.file, None, found));
        }
        let rule = program.rule_infos.iter().find(|rule| rule.name == entry);
        match rule.map(|rule| &rule.rule_type) {
            Some(RuleType::PartialSet) => Ok(()),
            Some(RuleType::Complete | RuleType::PartialObject) => Err(RegoError::new(
                &self.file,
                None,
                self.wanted_deny("found one that makes no set"),
            )),
            None => Err(RegoError::new(&self.file, None, self.wanted_deny("found none"))),
        }
    }
}
