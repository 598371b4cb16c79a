//! Programs that are many processes under many names, as data: browsers.
//!
//! A comm is at most 15 bytes, so longer names stand here cut. What is called by a name that other programs use as well (Thunderbird
//! has a `Web Content`, too) belongs to the family only when its executable does.

/// A program.
#[derive(Debug)]
pub struct Family {
    /// What people call it.
    pub name: &'static str,
    /// Names (comm) of its processes that nothing else has, in lines.
    comms: &'static str,
    /// Names of its processes that others have as well, in lines.
    helpers: &'static str,
    /// How the paths of its executables end, in lines: programs built on Chromium have helpers of the same name.
    exes: &'static str,
}

/// Browsers. Helpers of Chromium's kind have the name of the browser; Firefox gives each kind of process a name of its own.
pub static BROWSERS: [Family; 7] = [
    Family {
        name: "Chrome",
        comms: "chrome\ngoogle-chrome\ngoogle-chrome-s\ngoogle-chrome-b\ngoogle-chrome-u",
        helpers: "chrome_crashpad\nchrome-sandbox\nnacl_helper\nnacl_helper_boo",
        exes: "chrome\ngoogle-chrome\nchrome/chrome_crashpad_handler\nchrome/chrome-sandbox\nchrome/nacl_helper",
    },
    Family {
        name: "Chromium",
        comms: "chromium\nchromium-browse",
        helpers: "chrome_crashpad\nchrome-sandbox",
        exes: "chromium\nchromium-browser\nheadless_shell\nchromium/chrome_crashpad_handler\nchromium/chrome-sandbox",
    },
    Family {
        name: "Firefox",
        comms: "firefox\nfirefox-bin\nfirefox-esr\nfirefox.real",
        helpers: "GeckoMain\nWeb Content\nIsolated Web Co\nIsolated Servic\nPrivileged Cont\nPrivilegedMozil\nWebExtensions\nfile:// Content\n\
                  WebCOOP+COEP Co\nPreallocated\nSocket Process\nRDD Process\nUtility Process\nGPU Process\nVR Process\nGMPlugin Proces\n\
                  forkserver\nForkServer\nplugin-containe\npingsender\ncrashhelper\nglxtest\nvaapitest",
        exes: "firefox\nfirefox-bin\nfirefox-esr",
    },
    Family {
        name: "Brave",
        comms: "brave\nbrave-browser\nbrave-browser-s",
        helpers: "chrome_crashpad\nchrome-sandbox",
        exes: "brave\nbrave-browser\nbrave/chrome_crashpad_handler\nbrave/chrome-sandbox",
    },
    Family {
        name: "Edge",
        comms: "msedge\nmicrosoft-edge\nmsedge_crashpad",
        helpers: "chrome_crashpad\nmsedge-sandbox",
        exes: "msedge\nmicrosoft-edge\nmsedge_crashpad_handler\nmsedge/chrome_crashpad_handler\nmsedge/msedge-sandbox",
    },
    Family {
        name: "Opera",
        comms: "opera\nopera_crashrepo\nopera_autoupdat",
        helpers: "chrome_crashpad\nopera_sandbox",
        exes: "opera\nopera_crashreporter\nopera_autoupdate\nopera/chrome_crashpad_handler\nopera/opera_sandbox",
    },
    Family {
        name: "Vivaldi",
        comms: "vivaldi-bin\nvivaldi\nvivaldi-stable",
        helpers: "chrome_crashpad\nvivaldi-sandbox",
        exes: "vivaldi-bin\nvivaldi\nvivaldi/chrome_crashpad_handler\nvivaldi/vivaldi-sandbox",
    },
];

impl Family {
    /// Whether a process of this name, and of this executable where that is known, belongs to it.
    fn has(&self, comm: &[u8], exe: Option<&[u8]>) -> bool {
        let exe = exe.map(|path| path.strip_suffix(b" (deleted)").unwrap_or(path));
        let is_end = |end: &str| {
            let before = exe.and_then(|path| path.strip_suffix(end.as_bytes()));
            before.is_some_and(|before| before.ends_with(b"/"))
        };
        is_line(self.comms, comm) || self.exes.split('\n').any(is_end)
    }
}

/// The browser that a process belongs to. Without its executable (of another user, or a sandbox) its name decides, when it is a
/// browser's own.
#[must_use]
pub fn browser(comm: &[u8], exe: Option<&[u8]>) -> Option<&'static Family> {
    BROWSERS.iter().find(|family| family.has(comm, exe))
}

/// Whether a name is one that a helper of a browser has, so that its executable decides.
#[must_use]
pub fn may_be_helper(comm: &[u8]) -> bool {
    BROWSERS.iter().any(|family| is_line(family.helpers, comm))
}

fn is_line(lines: &str, name: &[u8]) -> bool {
    lines.split('\n').any(|line| line.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(comm: &str, exe: &str) -> Option<&'static str> {
        let exe = (!exe.is_empty()).then_some(exe.as_bytes());
        browser(comm.as_bytes(), exe).map(|family| family.name)
    }

    #[test]
    fn browsers_are_known_by_their_names_of_15_bytes() {
        assert_eq!(name("chrome", ""), Some("Chrome"));
        assert_eq!(name("chromium-browse", ""), Some("Chromium"));
        assert_eq!(name("firefox-esr", ""), Some("Firefox"));
        assert_eq!(name("brave", ""), Some("Brave"));
        assert_eq!(name("msedge", ""), Some("Edge"));
        assert_eq!(name("opera", ""), Some("Opera"));
        assert_eq!(name("vivaldi-bin", ""), Some("Vivaldi"));
        assert_eq!(name("chromedriver", ""), None);
        assert_eq!(name("Chrome", ""), None);
        assert_eq!(name("", ""), None);
    }

    #[test]
    fn a_name_that_others_have_too_is_decided_by_the_executable() {
        let firefox = "/usr/lib/firefox-esr/firefox-esr";
        assert_eq!(name("Isolated Web Co", firefox), Some("Firefox"));
        assert_eq!(name("Isolated Web Co", "/usr/lib/thunderbird/thunderbird"), None);
        assert_eq!(name("Web Content", ""), None);
        assert_eq!(name("GeckoMain", "/app/lib/firefox/firefox"), Some("Firefox"));
        assert!(may_be_helper(b"RDD Process") && may_be_helper(b"chrome_crashpad"));
        assert!(!may_be_helper(b"bash"));
    }

    #[test]
    fn an_executable_that_was_upgraded_is_still_the_browsers() {
        let deleted = "/opt/google/chrome/chrome (deleted)";
        assert_eq!(name("ThreadPoolForeg", deleted), Some("Chrome"));
    }

    #[test]
    fn no_name_is_longer_than_a_comm() {
        for family in &BROWSERS {
            for comm in family.comms.lines().chain(family.helpers.lines()) {
                assert!(comm.len() <= 15, "{comm}");
            }
        }
    }
}
