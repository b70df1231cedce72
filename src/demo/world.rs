//! 示范省, 示范市, 示例县: everybody and everything in it is made up. Numbers pass every check but carry sequence 000,
//! which is never assigned.

/// Region of the province, the city and the county.
pub(crate) const PROVINCE: &str = "640000";
/// The city.
pub(crate) const CITY: &str = "640100";
/// The county.
pub(crate) const COUNTY: &str = "640104";

/// A person.
pub(crate) struct Person {
    pub name: &'static str,
    pub id_number: &'static str,
    pub phone: &'static str,
    /// `None`: known to the registers, but has no account yet.
    pub password: Option<&'static str>,
    /// Who this is, for the table of test persons: Chinese, English.
    pub role: (&'static str, &'static str),
    pub acts_for: &'static [ActsFor],
}

/// A mandate of a person.
pub(crate) struct ActsFor {
    pub code: &'static str,
    pub role: &'static str,
    pub matters: &'static [&'static str],
    /// Last day, `YYYY-MM-DD`; `None`: until it is ended.
    pub until: Option<&'static str>,
}

/// An organisation.
pub(crate) struct Organisation {
    pub code: &'static str,
    pub name: &'static str,
    pub region: &'static str,
    /// ID number of its legal representative, for companies.
    pub legal_representative: Option<&'static str>,
}

pub(crate) const QINGHE: &str = "91640104MA0000015Y";
pub(crate) const YUANJING: &str = "91640104MA0000023R";
pub(crate) const MARKET: &str = "11640104MB0000019M";
pub(crate) const POLICE: &str = "11640100MB0000027N";
pub(crate) const HRSS: &str = "11640100MB0000035H";
pub(crate) const SERVICE_CENTRE: &str = "12640100MB00000439";
pub(crate) const DATA_BUREAU: &str = "11640100MB00000517";
pub(crate) const REFORM: &str = "11640000MB000006XR";

/// Every organisation.
pub(crate) const ORGANISATIONS: &[Organisation] = &[
    Organisation {
        code: QINGHE,
        name: "示范清和食品有限公司",
        region: COUNTY,
        legal_representative: Some("640104197806200004"),
    },
    Organisation {
        code: YUANJING,
        name: "示例远景投资有限公司",
        region: COUNTY,
        legal_representative: Some("640104199103080009"),
    },
    Organisation { code: MARKET, name: "示例县市场监督管理局", region: COUNTY, legal_representative: None },
    Organisation { code: POLICE, name: "示范市公安局", region: CITY, legal_representative: None },
    Organisation {
        code: HRSS, name: "示范市人力资源和社会保障局", region: CITY, legal_representative: None
    },
    Organisation {
        code: SERVICE_CENTRE, name: "示范市政务服务中心", region: CITY, legal_representative: None
    },
    Organisation { code: DATA_BUREAU, name: "示范市数据局", region: CITY, legal_representative: None },
    Organisation {
        code: REFORM, name: "示范省发展和改革委员会", region: PROVINCE, legal_representative: None
    },
];

/// Codes of the licence types that the program itself names: who defined it (18 characters) and its number there.
pub(crate) mod types {
    pub(crate) const BUSINESS_LICENCE: &str = "11640104MB0000019M001";
    pub(crate) const DRIVING_LICENCE: &str = "11640100MB0000027N002";
}

/// Every person.
pub(crate) const PERSONS: &[Person] = &[
    Person {
        name: "阿依古丽·买买提",
        id_number: "640104199103080009",
        phone: "10000000009",
        password: Some("qing-he-09"),
        role: (
            "市民，清和食品的经办人，远景投资的法定代表人",
            "citizen; operator of Qinghe Food; legal representative of Yuanjing Investment",
        ),
        acts_for: &[
            ActsFor {
                code: QINGHE,
                role: "operator",
                matters: &["food-licence-change", "enterprise-investment-filing"],
                until: Some("2027-12-31"),
            },
            ActsFor { code: YUANJING, role: "legal_representative", matters: &[], until: None },
        ],
    },
    Person {
        name: "欧阳测试",
        id_number: "640104197806200004",
        phone: "10000000004",
        password: Some("qing-he-04"),
        role: ("清和食品的法定代表人", "legal representative of Qinghe Food"),
        acts_for: &[ActsFor { code: QINGHE, role: "legal_representative", matters: &[], until: None }],
    },
    Person {
        name: "赵㛃",
        id_number: "640104198811020002",
        phone: "10000000002",
        password: Some("chuang-kou-02"),
        role: ("政务服务中心综合窗口 3 号", "hall clerk of the service centre, window 3"),
        acts_for: &[ActsFor { code: SERVICE_CENTRE, role: "operator", matters: &["verify"], until: None }],
    },
    Person {
        name: "陈𬀩",
        id_number: "64010419851231000X",
        phone: "10000000010",
        password: Some("shi-chang-10"),
        role: ("市场监督管理局工作人员，名字里有生僻字", "clerk of the market bureau; a rare character in the name"),
        acts_for: &[ActsFor {
            code: MARKET,
            role: "operator",
            matters: &[
                "licence:11640104MB0000019M001:issue",
                "licence:11640104MB0000019M001:change",
                "licence:11640104MB0000019M001:end",
                "licence:11640104MB0000019M001:read",
                "licence:11640104MB0000019M002:issue",
                "licence:11640104MB0000019M002:change",
                "licence:11640104MB0000019M002:end",
                "licence:11640104MB0000019M002:read",
                "licence:11640104MB0000019M003:issue",
                "licence:11640104MB0000019M003:change",
                "licence:11640104MB0000019M003:end",
                "licence:11640104MB0000019M003:read",
                "verify",
            ],
            until: None,
        }],
    },
    Person {
        name: "李䶮",
        id_number: "640104199309140003",
        phone: "10000000003",
        password: Some("qi-zhong-03"),
        role: ("起重机司机，等着领证", "crane driver, waiting for a certificate"),
        acts_for: &[],
    },
    Person {
        name: "周示例",
        id_number: "640104199005050009",
        phone: "10000000005",
        password: Some("gong-an-05"),
        role: ("公安局工作人员", "clerk of the police bureau"),
        acts_for: &[ActsFor {
            code: POLICE,
            role: "operator",
            matters: &[
                "licence:11640100MB0000027N001:issue",
                "licence:11640100MB0000027N001:end",
                "licence:11640100MB0000027N001:read",
                "licence:11640100MB0000027N002:issue",
                "licence:11640100MB0000027N002:end",
                "licence:11640100MB0000027N002:read",
                "licence:11640100MB0000027N003:issue",
                "licence:11640100MB0000027N003:end",
                "licence:11640100MB0000027N003:read",
                "verify",
            ],
            until: None,
        }],
    },
    Person {
        name: "吴示范",
        id_number: "64010419870707000X",
        phone: "10000000007",
        password: Some("ren-she-07"),
        role: ("人力资源和社会保障局工作人员", "clerk of the human resources and social security bureau"),
        acts_for: &[ActsFor {
            code: HRSS,
            role: "operator",
            matters: &[
                "licence:11640100MB0000035H001:issue",
                "licence:11640100MB0000035H001:end",
                "licence:11640100MB0000035H001:read",
                "licence:11640100MB0000035H002:issue",
                "licence:11640100MB0000035H002:end",
                "licence:11640100MB0000035H002:read",
                "verify",
            ],
            until: None,
        }],
    },
    Person {
        name: "阿不都热合曼·艾尔肯",
        id_number: "640104196907010002",
        phone: "10000000006",
        password: Some("shi-min-06"),
        role: ("市民", "citizen"),
        acts_for: &[],
    },
    Person {
        name: "林演示",
        id_number: "640104199510100003",
        phone: "10000000101",
        password: None,
        role: ("还没有账户，可以试注册", "has no account yet: try to register"),
        acts_for: &[],
    },
    Person {
        name: "吉𠮷",
        id_number: "640104200002290002",
        phone: "10000000102",
        password: None,
        role: ("还没有账户，名字里有扩展区汉字", "has no account yet; a character beyond the first plane in the name"),
        acts_for: &[],
    },
];

/// The person with this number.
pub(crate) fn person(id_number: &str) -> Option<&'static Person> {
    PERSONS.iter().find(|person| person.id_number == id_number)
}

/// The organisation with this code.
pub(crate) fn organisation(code: &str) -> Option<&'static Organisation> {
    ORGANISATIONS.iter().find(|organisation| organisation.code == code)
}
