//! Where a program says that it listens, read from its log: most servers say it when they start.

/// Where a program says that it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listening {
    /// The port, where it is said.
    pub port: Option<u16>,
    /// Whether only programs in the same container reach it.
    pub local: bool,
}

/// Words that stand in lines which say where a program listens.
const LISTENS: &[&str] =
    &["listen", "running on", "serving", "started on", "bound to", "server at"];
/// Addresses that nobody else reaches.
const LOCAL: &[&str] = &["127.0.0.1", "localhost", "[::1]"];

/// The last line that says where the program listens.
pub(super) fn listening(log: &[String]) -> Option<Listening> {
    log.iter().rev().find_map(|line| in_line(&line.to_lowercase()))
}

fn in_line(line: &str) -> Option<Listening> {
    if !LISTENS.iter().any(|word| line.contains(word)) {
        return None;
    }
    let local = LOCAL.iter().any(|address| line.contains(address));
    let port = [
        "127.0.0.1:",
        "localhost:",
        "[::1]:",
        "0.0.0.0:",
        "[::]:",
        "*:",
        "port ",
        "port: ",
        "port=",
    ]
    .iter()
    .find_map(|before| number_after(line, before));
    (local || port.is_some()).then_some(Listening { port, local })
}

fn number_after(line: &str, before: &str) -> Option<u16> {
    let (_, rest) = line.split_once(before)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<Listening> {
        listening(&["starting".to_owned(), line.to_owned()])
    }

    #[test]
    fn servers_say_where_they_listen() {
        let on = |port, local| Some(Listening { port: Some(port), local });
        assert_eq!(said("INFO: Uvicorn running on http://127.0.0.1:8000"), on(8000, true));
        assert_eq!(said("Listening at: http://0.0.0.0:5000 (1)"), on(5000, false));
        assert_eq!(said("Server listening on port 3000"), on(3000, false));
        assert_eq!(said(" * Running on http://localhost:5000"), on(5000, true));
        assert_eq!(said("listening on [::]:8080"), on(8080, false));
    }

    #[test]
    fn other_lines_say_nothing() {
        assert_eq!(said("connecting to postgres at localhost:5432"), None);
        assert_eq!(said("listening"), None);
    }
}
