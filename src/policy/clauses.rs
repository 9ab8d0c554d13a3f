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
    RIt3 = "R-IT-3": "The IT technician monitors the account";
    RIt2 = "R-IT-2": "The IT technician stores account details and passwords securely";
    Bc0 = "BC-0": "The school community proposes accounts";
    Bc1 = "BC-1": "The aim of the account";
    Bc2 = "BC-2": "The intended audience";
    Bc3 = "BC-3": "How the account will be promoted";
    Bc4 = "BC-4": "At least two members of staff run the account";
    Bc5 = "BC-5": "Open, closed or private";
    Mon1 = "MON-1": "Accounts are monitored regularly, preferably seven days a week, holidays included";
    Mon2 = "MON-2": "Comments, queries and complaints are answered within 24 hours or on the next working day";
    Mon3 = "MON-3": "Bullying and other inappropriate behaviour is intervened in";
    Beh3 = "BEH-3": "Say who you are; anonymous posts are discouraged";
    Ctx3 = "CTX-3": "The policy is subject to the E-Safety Policy and Acceptable Use Agreements";
    RHt2 = "R-HT-2": "The headteacher develops and implements the policy";
    RSt1 = "R-ST-1": "Staff know the policy and comply";
    Elig2 = "ELIG-2": "Volunteers and parents who run an account have done so too";
    Elig1 = "ELIG-1": "Whoever runs an account has read and understood the policy and is trained";
    Beh1 = "BEH-1": "All users keep to the policy's standard of behaviour";
    Sc3 = "SC-3": "Safe use is encouraged by training and education";
    RHt1 = "R-HT-1": "The headteacher facilitates training and guidance";
    RSt2 = "R-ST-2": "Staff attend appropriate training";
    PuPu2 = "PU-PU-2": "An education programme makes pupils safe and responsible users";
    Sc6 = "SC-6": "A personal account that is linked to or impacts the school carries a disclaimer";
    Sc7 = "SC-7": "Personal communication that neither refers to nor affects the school is out of scope";
    RSt4 = "R-ST-4": "Staff add a disclaimer to personal accounts that name the school";
    Apx2 = "APX-2": "No school logo or branding on personal accounts";
    PuPc1 = "PU-PC-1": "Parents who can comment are informed of acceptable use";
    RHt3 = "R-HT-3": "The headteacher leads the investigation of any reported incident";
    RHt4 = "R-HT-4": "The headteacher makes an initial assessment and involves staff and external agencies";
    Sc1 = "SC-1": "The policy applies to all online communication that represents the school";
    Sc4 = "SC-4": "Private posts that harm professional standards or reputation are in scope";
    Beh5 = "BEH-5": "Unacceptable conduct is reported to the headteacher as soon as possible and escalated";
    Beh7 = "BEH-7": "Unacceptable conduct is dealt with internally, illegal conduct by the police and other agencies";
    Hnd3 = "HND-3": "Abuse by colleagues is reported by an agreed protocol";
    PuPu1 = "PU-PU-1": "Staff do not engage with current or former pupils on personal accounts";
    PuSt3 = "PU-ST-3": "Excessive personal use that interferes with duties may lead to discipline";
    Img5 = "IMG-5": "A compromising picture that was taken by accident is deleted immediately";
    Hnd1 = "HND-1": "Offensive comments are handled swiftly and sensitively";
    Hnd2 = "HND-2": "What is unacceptable is blocked, reported or deleted, and the audience is told exactly why";
    PuPc3 = "PU-PC-3": "An offensive parent is asked to remove it, then invited to talk, then referred to the complaints procedure";
    Leg2 = "LEG-2": "No breach of data protection or confidentiality";
    RIt4 = "R-IT-4": "The IT technician closes or transfers the accounts of whoever leaves";
    Beh4 = "BEH-4": "The media policy is followed before anybody responds to a journalist";
    Beh6 = "BEH-6": "Staff's use at work may be monitored in line with policies";
    Apx10 = "APX-10": "Know how to report a problem";
    Beh2d = "BEH-2d": "Confidentiality continues after leaving";
    Sc5 = "SC-5": "What is on official channels, school accounts or in the school's name is professional";
    Pro1 = "PRO-1": "The school looks out for public postings about itself";
    Pro2 = "PRO-2": "Others' comments are responded to by a defined process";
    PuPc2 = "PU-PC-2": "Parents are encouraged to comment appropriately";
    Img1 = "IMG-1": "Permission is sought under the images policy";
    Img2 = "IMG-2": "Whoever asks not to be filmed or photographed is respected";
    Img3 = "IMG-3": "Pictures of children are shared on the school's own accounts alone";
    Img4 = "IMG-4": "Before a picture is shared: dress, dignity, and the do-not-publish list";
    Tone1 = "TONE-1": "The tone fits the audience and is professional";
    Do1 = "DO-1": "Check with the headteacher before publishing what may be controversial";
    Do8 = "DO-8": "Think first; take a second opinion when in doubt";
    Beh2c = "BEH-2c": "School accounts are not used for personal gain";
    RSt3 = "R-ST-3": "Staff keep what they publish on school accounts up to date";
    Leg1 = "LEG-1": "Copyright is considered, and permission obtained before sharing where it is needed";
    Do6 = "DO-6": "Have permission to share others' material, and acknowledge the author";
    Tone2 = "TONE-2": "Engaging, conversational, informative and, on some platforms, friendly";
    Do9 = "DO-9": "Seek advice, and report mistakes by the school's process";
}
