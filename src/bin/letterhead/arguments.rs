//! The arguments of the command, and its help.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use http::{HeaderValue, Method, StatusCode, Uri};
use letterhead::policy::Dialect;
use letterhead::report::LogForm;

use crate::manifest_arguments::{self, ManifestTask};
use crate::tls::Pair;
use crate::trust_arguments::{self, TrustTask};

/// What is to be done.
pub(crate) enum Task {
    Check(Check),
    Explain(Explain),
    Manifest(ManifestTask),
    Serve(Box<Serve>),
}

/// `letterhead check`.
pub(crate) struct Check {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) dialect: Dialect,
    pub(crate) is_strict: bool,
}

/// `letterhead explain`.
pub(crate) struct Explain {
    pub(crate) file: PathBuf,
    pub(crate) dialect: Dialect,
    pub(crate) target: Uri,
    pub(crate) method: Method,
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) from: String,
    pub(crate) is_json: bool,
}

/// `letterhead serve`.
pub(crate) struct Serve {
    pub(crate) directory: PathBuf,
    pub(crate) dialect: Dialect,
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Pair>,
    pub(crate) log: Option<LogForm>,
    pub(crate) fallback: Option<String>,
    pub(crate) has_clean_urls: bool,
    /// The directory is a link that is turned from one tree to the next.
    pub(crate) is_followed: bool,
    pub(crate) trust: Option<TrustTask>,
}

/// Reads the arguments; ends the process with what is wrong (2), or with the help (0).
pub(crate) fn read() -> Task {
    let matches = command().get_matches();
    match matches.subcommand() {
        Some(("check", given)) => Task::Check(Check {
            paths: all(given, "PATH"),
            dialect: dialect(given),
            is_strict: given.get_flag("strict"),
        }),
        Some(("explain", given)) => Task::Explain(explained(given)),
        Some(("manifest", given)) => Task::Manifest(manifest_arguments::read(given)),
        Some(("serve", given)) => Task::Serve(Box::new(served(given))),
        Some(_) | None => command()
            .error(
                clap::error::ErrorKind::MissingSubcommand,
                "wanted check, explain, manifest or serve",
            )
            .exit(),
    }
}

fn command() -> Command {
    Command::new("letterhead")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Header policies and redirects out of `_headers` and `_redirects`: checked, explained, and served; and signed lists of files")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands([
            check_command(),
            explain_command(),
            manifest_arguments::command(),
            serve_command(),
        ])
}

fn check_command() -> Command {
    Command::new("check")
        .about("Names each line of `_headers` and `_redirects` that is wrong, or hardly meant as it is")
        .after_help(
            "Errors and warnings go to stderr, as FILE:LINE: TEXT.\n\
             Exit code: 0 if all is well, 1 if a line is wrong or a file cannot be read, 2 for wrong arguments.",
        )
        .arg(
            Arg::new("PATH")
                .help("A file, or a directory: then both files in it.\nA file whose name ends in `_redirects` is one of redirects")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(dialect_argument())
        .arg(flag("strict", "Warnings count as errors"))
}

fn explain_command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("explain")
        .about("Says which line of a policy gives which field its value, in one response")
        .after_help(
            "Exit code: 0, 1 if the file cannot be read or a line of it is wrong, 2 for wrong arguments.",
        )
        .arg(Arg::new("FILE").help("The policy").required(true).value_parser(value_parser!(PathBuf)))
        .arg(Arg::new("PATH").help("The path of the request, percent-encoded").required(true))
        .arg(option("status", "CODE", "The status of the response").default_value("200")
            .value_parser(|text: &str| text.parse::<StatusCode>()))
        .arg(option("type", "TYPE", "Its Content-Type")
            .value_parser(|text: &str| text.parse::<HeaderValue>()))
        .arg(option("method", "METHOD", "The method of the request").default_value("GET")
            .value_parser(|text: &str| text.parse::<Method>()))
        .arg(option("host", "HOST", "The host that the client asked").default_value("localhost"))
        .arg(option("from", "MAKER", "Who made the response: handler, file, error, panic, or the name of a layer")
            .default_value("file"))
        .arg(flag("https", "The client's connection is over TLS"))
        .arg(flag("json", "One JSON object in place of the table; while its `version` is 1\nno key goes away or changes its meaning"))
        .arg(dialect_argument())
}

fn serve_command() -> Command {
    let serve = Command::new("serve")
        .about("Serves the files of a directory, with the policy of its `_headers` and the redirects of its `_redirects`")
        .after_help(
            "Both files are read again when they change or appear, and on SIGHUP. A version with a line that
\
             is wrong is logged and refused, and the one before it stays in force; at the start it ends the
\
             command (1).

\
             With --root both are read only as they are listed, whenever a list is taken; SIGHUP reads the list again.\n\
             `404.html`, if there is one, is the page of a 404. Names that begin with a dot, `_headers` and
\
             `_redirects` are not served. SIGINT and SIGTERM end the server when the requests in flight are
\
             answered, for at most 5 s.",
        )
        .arg(Arg::new("DIR").help("What is served").required(true).value_parser(value_parser!(PathBuf)))
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDR")
                .help("Where to listen; port 0 takes a free one, which is printed")
                .default_value("127.0.0.1:3000")
                .value_parser(value_parser!(SocketAddr)),
        )
        .arg(
            Arg::new("tls")
                .long("tls")
                .value_name("CERT,KEY")
                .help("HTTPS, with two files in PEM")
                .value_parser(|text: &str| Pair::read(text)),
        )
        .arg(flag("quiet", "No access log").conflicts_with("log"))
        .arg(
            Arg::new("log")
                .long("log")
                .value_name("FORM")
                .help("The form of the access log, which goes to stderr")
                .default_value("combined")
                .value_parser(PossibleValuesParser::new(["combined", "json", "caddy", "ecs"])),
        )
        .arg(
            Arg::new("spa")
                .long("spa")
                .value_name("FILE")
                .help("What a browser gets that goes to a page where there is nothing"),
        )
        .arg(flag("clean-urls", "`/about` for `about.html`, and redirects to that"))
        .arg(flag("following", "DIR is a link that is turned from one tree to the next: looked up each second"))
        .arg(dialect_argument());
    trust_arguments::arguments(serve)
}

fn dialect_argument() -> Arg {
    Arg::new("dialect")
        .long("dialect")
        .value_name("NAME")
        .help("Whose files they are. With cloudflare all blocks that match apply, and redirects\ncome before files; with netlify the last block counts, and files come first.\n")
        .default_value("cloudflare")
        .value_parser(PossibleValuesParser::new(["cloudflare", "netlify"]))
}

pub(crate) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

fn explained(given: &ArgMatches) -> Explain {
    let scheme = if given.get_flag("https") { "https" } else { "http" };
    let (host, path): (String, String) = (one(given, "host"), one(given, "PATH"));
    let parsed =
        Uri::builder().scheme(scheme).authority(host.as_str()).path_and_query(path.as_str());
    let target = parsed.build().ok().filter(|_| path.starts_with('/')).unwrap_or_else(|| {
        let text =
            format!("wanted a host and a path that begins with /, found `{host}` and `{path}`");
        command().error(clap::error::ErrorKind::ValueValidation, text).exit()
    });
    Explain {
        file: one(given, "FILE"),
        dialect: dialect(given),
        target,
        method: one(given, "method"),
        status: one(given, "status"),
        content_type: given.get_one("type").cloned(),
        from: one(given, "from"),
        is_json: given.get_flag("json"),
    }
}

fn served(given: &ArgMatches) -> Serve {
    let form = match one::<String>(given, "log").as_str() {
        "json" => LogForm::Json,
        "caddy" => LogForm::Caddy,
        "ecs" => LogForm::Ecs,
        _ => LogForm::Combined,
    };
    Serve {
        directory: one(given, "DIR"),
        dialect: dialect(given),
        listen: one(given, "listen"),
        tls: given.get_one("tls").cloned(),
        log: (!given.get_flag("quiet")).then_some(form),
        fallback: given.get_one("spa").cloned(),
        has_clean_urls: given.get_flag("clean-urls"),
        is_followed: given.get_flag("following"),
        trust: trust_arguments::read(given),
    }
}

fn dialect(given: &ArgMatches) -> Dialect {
    match one::<String>(given, "dialect").as_str() {
        "netlify" => Dialect::Netlify,
        _ => Dialect::Cloudflare,
    }
}

/// The value of an argument that is required, or has a default.
pub(crate) fn one<T: Clone + Send + Sync + 'static>(given: &ArgMatches, name: &str) -> T {
    let Some(value) = given.get_one::<T>(name) else {
        command().error(clap::error::ErrorKind::MissingRequiredArgument, name).exit()
    };
    value.clone()
}

pub(crate) fn all<T: Clone + Send + Sync + 'static>(given: &ArgMatches, name: &str) -> Vec<T> {
    given.get_many(name).into_iter().flatten().cloned().collect()
}
