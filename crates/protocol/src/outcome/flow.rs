//! Steps of a visit: names, gates, throttles.
//!
//! Ours: 34020–34029, 34056–34058 (34026 stands with the passwords).

macro_rules! flow {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// What a step of a visit says before anything is asked of an agent.
            Flow = "Steps of a visit" {
                /// The code is not the one that was sent.
                CodeWrong = "code_wrong", "34020", Page, Person, No,
                    "A wrong code was entered.",
                    "The person looks again, or asks for another code.";
                /// The code's five minutes have passed.
                CodeExpired = "code_expired", "34021", Page, Person, No,
                    "The code was entered after it expired (`lifetime_seconds` of the code).",
                    "The person asks for another one. If mails take longer than that, look at the mail server's queue.";
                /// All tries of the code are spent.
                CodeTriesSpent = "code_tries_spent", "34022", Page, Person, No,
                    "All tries of a code were spent (`tries` of the code).",
                    "The person starts again. Many of these for one name are somebody who guesses: look in the audit trail.";
                /// Too many starts from one address, or for one name.
                Throttled = "throttled", "34023", Page, Person, No,
                    "A throttle refused the step: too many starts from one address or for one name, or too many codes.",
                    "It ends by itself at the time that the page names; the limits stand under `[throttle]` in the configuration of the cloud service.";
                /// The flow's 15 minutes have passed, or there is none.
                FlowExpired = "flow_expired", "34024", Page, Person, No,
                    "A step was posted to a visit that has ended or never was.",
                    "The person starts again.";
                /// Another tab of the same browser started a flow of its own.
                FlowReplaced = "flow_replaced", "34025", Page, Person, No,
                    "A step was posted from a page that belongs to an older visit of the same browser.",
                    "The person goes on in the newer tab.";
                /// No name, or one that cannot be one.
                NameMalformed = "name_malformed", "34027", Page, Person, No,
                    "The name was empty or too long.",
                    "The person types it again.";
                /// A request that does not come from one of our own pages.
                ForeignRequest = "foreign_request", "34028", Page, Person, No,
                    "Origin or Sec-Fetch-Site shows that the request came from another site.",
                    "If people come by your own proxy or portal, `public_url` must be the address that their browsers show.";
                /// The proof of work before the first step is wrong or too old (SPEC G-8).
                BotCheckFailed = "bot_check_failed", "34029", Page, Person, No,
                    "The proof of work that came with the first step was wrong, too old, or used before.",
                    "The page makes another one. Many of these from one address are a program.";
                /// The answer to a security question is wrong.
                AnswerWrong = "answer_wrong", "34056", Page, Person, No,
                    "The answer to a security question was wrong; other questions were drawn.",
                    "The person answers those, or uses another method.";
                /// What was typed is not the number or address that is known.
                ContactDiffers = "contact_differs", "34057", Page, Person, No,
                    "The number or address that was typed is not the one that is known, so nothing was sent.",
                    "The person types it as it was registered; a new one is corrected in the directory.";
                /// The browser keeps no cookie, so no step can be told from another.
                CookiesBlocked = "cookies_blocked", "34058", Page, Person, No,
                    "The browser did not send back the cookie that a visit needs.",
                    "The person allows cookies for this address. If all of them have it, a proxy takes cookies out.";
            }
        } $($left)* }
    };
}
