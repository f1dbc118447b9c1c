import torch

from gwbricks.bag_of_bricks import ImageClassifier


def test_classifies_the_mean_of_the_feature_map() -> None:
    head, features = (
        ImageClassifier(num_classes=4, n_features=3),
        torch.randn(2, 3, 5, 6),
    )
    logits, probabilities, prediction = head(features)
    means = features.mean(dim=(2, 3))
    expected = means @ head.linear.weight.T + head.linear.bias
    torch.testing.assert_close(logits, expected)
    odds = expected.exp()
    torch.testing.assert_close(probabilities, odds / odds.sum(dim=1, keepdim=True))
    assert prediction.tolist() == [max(range(4), key=row.__getitem__) for row in odds]


def test_size_of_the_image_does_not_matter() -> None:
    head = ImageClassifier(num_classes=4, n_features=3)
    small = head(torch.ones(1, 3, 1, 1))[0]
    torch.testing.assert_close(head(torch.ones(1, 3, 7, 2))[0], small)
