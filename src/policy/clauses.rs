//! The clauses of the policy that the program enforces, by their stable ids.

macro_rules! clauses {
    ($($name:ident = $id:literal: $title:literal;)*) => {
        /// A clause of the social media policy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter)]
        pub enum Clause { $(#[doc = concat!($id, ": ", $title)] $name),* }

        impl Clause {
            /// The id under which problems, events and reports cite it.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// What it asks, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

clauses! {
    Ctx1 = "CTX-1": "Social media is any platform where people interact";
    Sc8 = "SC-8": "Staff do not use social media to communicate with children";
    RHt5 = "R-HT-5": "The headteacher approves account creation";
    RIt1 = "R-IT-1": "The IT technician creates the account after approval";
    RIt2 = "R-IT-2": "The IT technician stores account details and passwords securely";
    Bc0 = "BC-0": "The school community proposes accounts";
    Bc1 = "BC-1": "The aim of the account";
    Bc2 = "BC-2": "The intended audience";
    Bc3 = "BC-3": "How the account will be promoted";
    Bc4 = "BC-4": "At least two members of staff run the account";
    Bc5 = "BC-5": "Open, closed or private";
    Mon2 = "MON-2": "Comments, queries and complaints are answered within 24 hours or on the next working day";
    Beh3 = "BEH-3": "Say who you are; anonymous posts are discouraged";
}
