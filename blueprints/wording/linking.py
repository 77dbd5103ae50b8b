"""Refusals where accounts are linked, and where partners' machines are let in."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "request_over": (
        "这次关联已经办完，或者等得太久了。请回到对方那里重新开始。",
        "This was answered already, or waited too long. Please begin again there.",
    ),
    "request_unclear": (
        "对方发来的请求不完整或有误，没有给出任何信息。请告诉对方。",
        "What they sent is not whole, and nothing was given. Please tell them.",
    ),
    "account_taken": (
        "对方的这个账户已经和另一位会员关联。请核对账户，或到营业厅办理。",
        (
            "This account there is linked with another member. Please check it, or"
            " come to a service hall."
        ),
    ),
    "consent_decided": (
        "这项关联已经有了结果，不能再改。请回到对方那里重新开始。",
        "This was decided already. Please begin again there.",
    ),
    "unknown_consent": (
        "没有找到这项关联，可能已经撤回。",
        "We could not find this link; it may have been ended already.",
    ),
    "unknown_client": (
        "没有编号为 {client_id} 的客户端。",
        "There is no client with the number {client_id}.",
    ),
    "unknown_partner": (
        "没有 {partner} 这个伙伴。",
        "There is no partner {partner}.",
    ),
    "unknown_scope": (
        "没有 {scope} 这项权限。",
        "There is no scope {scope}.",
    ),
    "scopes_missing": (
        "请至少选择一项权限。",
        "Please choose at least one scope.",
    ),
    "name_missing": (
        "请写上名称。",
        "Please give it a name.",
    ),
    "contact_missing": (
        "要征求会员同意，就要写明会员怎样联系对方。",
        "Whoever asks members has to tell them how to be reached.",
    ),
    "bad_redirect": (
        "返回地址“{redirect_uri}”不能用：要用 https，不带 # 部分。",
        "“{redirect_uri}” cannot be a way back: it takes https, and no # part.",
    ),
    "bad_client_key": (
        "公钥不能用：{fault}。",
        "The key cannot be used: {fault}.",
    ),
    "no_secret_here": (
        "这个客户端用密钥对证明身份，没有密码。",
        "This client proves itself with keys, and has no secret.",
    ),
    "no_keys_here": (
        "这个客户端用密码证明身份，没有公钥。",
        "This client proves itself with a secret, and has no keys.",
    ),
    "client_disabled": (
        "这个客户端已经停用。",
        "This client is let in no more.",
    ),
    "address_unset": (
        "还没有设置对外网址，暂时不能办理关联。",
        "Linking is not possible here until the public address is set.",
    ),
}
