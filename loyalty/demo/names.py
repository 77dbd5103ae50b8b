"""What people, places and shops of Guangdong are called."""

# A surname and how it is spelled.
_SURNAMES = """
陈chen 李li 黄huang 张zhang 梁liang 林lin 刘liu 王wang 吴wu 何he 罗luo 杨yang 周zhou
叶ye 钟zhong 谢xie 郑zheng 邓deng 蔡cai 曾zeng 彭peng 冯feng 卢lu 许xu 苏su 朱zhu 徐xu
谭tan 潘pan 邱qiu 麦mai 区ou 莫mo 黎li 廖liao 赖lai 温wen 关guan 伍wu 冼xian
"""
_GIVEN = """
伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 刚 桂英 建国 建华 志强
志明 文华 海燕 晓东 晓玲 嘉欣 嘉俊 家豪 家明 俊杰 咏诗 美玲 美华 国强 国栋 永强 永康
少芬 惠芳 雪梅 雅婷 泽宇 浩然 子轩 思颖 婉仪 伟明 伟强 锦华 丽珍 淑芬 小红 春燕 冬梅
"""
SURNAMES = tuple(_SURNAMES.split())
GIVEN = tuple(_GIVEN.split())
# City, its weight, its districts and counties.
PLACES: dict[str, tuple[int, str]] = {
    "广州": (22, "天河 越秀 海珠 番禺 白云 增城"),
    "深圳": (24, "福田 罗湖 南山 宝安 龙岗"),
    "东莞": (12, "莞城 虎门 长安 常平"),
    "佛山": (10, "禅城 南海 顺德 三水"),
    "中山": (6, "石岐 小榄 古镇"),
    "珠海": (5, "香洲 斗门 金湾"),
    "惠州": (5, "惠城 惠阳 博罗"),
    "汕头": (5, "金平 龙湖 潮阳"),
    "江门": (4, "蓬江 新会 台山"),
    "湛江": (4, "赤坎 霞山 廉江"),
    "梅州": (3, "梅江 兴宁 大埔"),
}
HALLS = ("中心营业厅", "人民路营业厅", "车站营业厅")
# What merchants are called, and the category of what they sell.
SHOP_NAMES = (
    "友宜",
    "万嘉",
    "粤华",
    "新一家",
    "荔园",
    "海港",
    "金凯",
    "东湖",
    "天虹里",
)
SHOPS = {
    "5411": "超市",
    "5812": "酒家",
    "5311": "百货",
    "5541": "加油站",
    "5732": "电器",
    "5651": "服饰",
    "7230": "美容",
    "7832": "影城",
    "5912": "药房",
    "5942": "书店",
}
